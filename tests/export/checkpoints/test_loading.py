import json
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from export import load_model
from export.checkpoints.loading import read_state
from export.checkpoints.safe_unpickling import load_inert
from export.network import OCRNet
from ocrnet.errors import CheckpointError
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.zoo import Size, get_spec

State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return load_model("demo", "stand-in").state_dict()


def _same(network: OCRNet, state: State) -> bool:
    loaded = network.state_dict()
    return loaded.keys() == state.keys() and all(torch.equal(loaded[k], state[k]) for k in state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "meta": {"epoch": 3}, "optimizer": {"state": {}}},
        lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
    ],
    ids=["bare", "wrapped", "module prefix", "without counters"],
)
def test_pth_as_they_come(tmp_path: Path, state: State, wrap: Callable[[State], Any]) -> None:
    path = tmp_path / "x.pth"
    torch.save(wrap(state), path)
    assert _same(load_model("demo", path), state)


def test_files_of_before_the_zip_format_load_too(tmp_path: Path, state: State) -> None:
    """Most published files are of 2020, when torch.save did not write zip archives yet."""
    content = {"state_dict": state, "meta": {"seed": np.float64(3), "hook": _Runs(Path, "x")}}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert _same(load_model("demo", tmp_path / "x.pth"), state)


def test_safetensors_and_half_precision(tmp_path: Path, state: State) -> None:
    half = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    safetensors.torch.save_file(half, tmp_path / "x.safetensors")
    network = load_model("demo", tmp_path / "x.safetensors")
    assert _same(network, {n: v.float() if v.is_floating_point() else v for n, v in half.items()})
    assert not network.training


def test_mmengine_files_load_without_mmengine(golden: Path) -> None:
    path = golden / "mmengine_checkpoint.pth"
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)  # what makes the stand-ins necessary
    content = load_inert(path)
    assert {"meta", "message_hub", "state_dict", "optimizer"} <= content.keys()
    tensors = read_state(path)
    assert tensors
    assert all(isinstance(value, torch.Tensor) for value in tensors.values())


@pytest.mark.slow
def test_the_authors_checkpoint_gives_the_authors_logits_and_labels(
    tmp_path: Path, golden: Path, golden_weights: ModuleType
) -> None:
    names = json.loads((golden / "official_checkpoint_keys.json").read_text())
    saved = {
        name: torch.from_numpy(golden_weights.tensor(name, tuple(shape)))
        for name, shape in names.items()
        if not name.endswith("num_batches_tracked")
    }
    saved["loss.criterion.weight"] = torch.ones(19)
    torch.save(saved, tmp_path / "authors.pth")
    network = load_model("ocrnet_hr48_cityscapes_authors", tmp_path / "authors.pth")
    reference = np.load(golden / "official_hr48_cityscapes.npz")
    image = golden_weights.image(96, 192, 1)
    with torch.inference_mode():
        logits, aux_logits = network.heads(network.normalise(torch.from_numpy(image)[None]))
    for actual, name in ((logits, "logits"), (aux_logits, "aux_logits")):
        scale = np.abs(reference[name]).max()
        np.testing.assert_allclose(actual[0], reference[name], rtol=0, atol=1e-4 * scale)
    labels = upsample_argmax(logits[0].numpy(), Size(96, 192), align_corners=True)
    assert (labels == reference["label"]).mean() >= 0.9999


def test_every_name_that_does_not_fit_is_listed(tmp_path: Path, state: State) -> None:
    changed = dict(state)
    del changed["backbone.conv1.weight"], changed["decode_head.1.conv_seg.bias"]
    changed["extra.weight"] = torch.zeros(3)
    changed["decode_head.0.conv_seg.bias"] = torch.zeros(150)
    torch.save(changed, tmp_path / "x.pth")
    with pytest.raises(CheckpointError) as caught:
        load_model("demo", tmp_path / "x.pth")
    message = str(caught.value)
    assert "4 names differ" in message
    assert "missing: backbone.conv1.weight (64, 3, 3, 3)" in message
    assert "missing: decode_head.1.conv_seg.bias (19,)" in message
    assert "unexpected: extra.weight (3,)" in message
    assert "misshapen: decode_head.0.conv_seg.bias (150,), not (19,)" in message


def test_values_that_are_not_finite_are_refused(tmp_path: Path, state: State) -> None:
    broken = dict(state)
    broken["backbone.conv1.weight"] = torch.full_like(state["backbone.conv1.weight"], torch.nan)
    torch.save(broken, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"not finite: backbone\.conv1\.weight"):
        load_model("demo", tmp_path / "x.pth")


class _Runs:
    """Pickles to a call of `function(*arguments)`."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "function", [os.system, subprocess.check_call, eval, exec, os.mkdir, print]
)
def test_a_hostile_pickle_runs_nothing(tmp_path: Path, function: Any) -> None:
    mark = tmp_path / "ran"
    argument = f"open({str(mark)!r}, 'w')" if function in (eval, exec) else f"touch {mark}"
    if function is os.mkdir:
        argument = str(mark)
    torch.save({"state_dict": {}, "meta": _Runs(function, argument)}, tmp_path / "evil.pth")
    try:
        content = load_inert(tmp_path / "evil.pth")
    except CheckpointError:
        pass
    else:  # an inert stand-in took the call
        assert type(content["meta"]).__name__ == "Inert"
    assert not mark.exists()


def test_stand_ins_hide_nothing_among_the_weights(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": _Runs(Path, "x")}}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="more than dense tensors of numbers: a"):
        read_state(tmp_path / "x.pth")


def test_a_checkpoint_that_holds_itself_ends(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    content["state_dict"] = content
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="state_dict"):
        read_state(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(3, device="meta"),
        torch.zeros(3).to_sparse(),
        torch.zeros(3, dtype=torch.complex64),
    ],
    ids=["meta", "sparse", "complex"],
)
def test_tensors_that_are_no_plain_numbers_are_refused(
    tmp_path: Path, tensor: torch.Tensor
) -> None:
    torch.save({"a": tensor}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="dense tensors of numbers: a"):
        read_state(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint",
        b"PK\x03\x04broken",
        b"\x80\x02}q\x00.",
        b"\x80\x02.",
        b"\x80\x02}]K\x01s.",
        b"\x80\x02K\x01Q.",
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            load_model(get_spec("demo"), path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.pth is not there"):
        load_model("demo", tmp_path / "gone.pth")
