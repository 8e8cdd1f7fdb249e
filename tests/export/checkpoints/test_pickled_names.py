from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.checkpoints.pickled_names import pickled_names
from export.checkpoints.safe_unpickling import load_inert
from ocrnet.errors import CheckpointError

# What torch's own reader needs of a file with one tensor.
TENSOR = {"collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2"}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_name_is_found_in_both_formats(tmp_path: Path, zipped: bool) -> None:
    """`set` and `complex` are of `__builtin__` in such pickles, as in Python 2."""
    content = {"a": torch.zeros(3), "b": Path("x"), "c": {1}, "d": complex(1, 2)}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    names = set(pickled_names(tmp_path / "x.pth"))
    assert names >= TENSOR
    assert {name for name in names - TENSOR if not name.startswith("pathlib")} == {
        "builtins.set",
        "builtins.complex",
    }


def test_names_of_classes_that_are_not_installed_are_found(golden: Path) -> None:
    names = pickled_names(golden / "mmengine_checkpoint.pth")
    assert any(name.startswith("mmengine.") for name in names)
    assert set(names) >= TENSOR


def test_a_damaged_file_ends_the_list_early(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"a": Path("x"), "b": np.float64(3)}, path, _use_new_zipfile_serialization=False)
    whole = pickled_names(path)
    path.write_bytes(path.read_bytes()[:150])
    assert set(pickled_names(path)) < set(whole)
    for content in (b"", b"PK\x03\x04broken", b"no pickle"):
        path.write_bytes(content)
        assert pickled_names(path) == []


def test_torch_takes_its_own_classes_and_ours_for_all_others(tmp_path: Path) -> None:
    """All names are offered as stand-ins, and torch asks itself first."""
    tensor = torch.arange(3.0)
    torch.save({"a": tensor, "b": Path("x")}, tmp_path / "x.pth")
    content: dict[str, Any] = load_inert(tmp_path / "x.pth")
    assert torch.equal(content["a"], tensor)
    assert type(content["b"]).__name__ == "Inert"


def test_a_file_that_names_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    names = b"".join(b"cmodule\nname%d\n0" % number for number in range(101))
    path.write_bytes(b"\x80\x02" + names + b"N.")
    with pytest.raises(CheckpointError, match=r"it needs module\.name100"):
        load_inert(path)
