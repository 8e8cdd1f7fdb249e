"""Compiled graphs for the next start: the same answers, and never a damaged one."""

import re
from pathlib import Path

import numpy as np
import openvino
import pytest

from ocrnet.engines.compiled import CompiledCache, key_of
from ocrnet.engines.engine_options import EngineOptions
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.errors import ArtefactError

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)


def _logits(root: Path, cache: Path | None) -> np.ndarray:
    path = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    return OpenVinoGraph(path, EngineOptions(cache=cache)).run(IMAGES, "logits")


@pytest.fixture(scope="module")
def stored(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """The file of a first start, and its logits."""
    folder = tmp_path_factory.mktemp("cache")
    logits = _logits(root, folder)
    (file,) = folder.iterdir()
    return file, logits


def test_the_second_start_compiles_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "new" / "cache"
    expected = _logits(root, None)
    np.testing.assert_array_equal(_logits(root, cache), expected)
    assert (cache.stat().st_mode & 0o777) == 0o700
    monkeypatch.setattr(openvino.Core, "read_model", None)
    np.testing.assert_array_equal(_logits(root, cache), expected)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.7, 0.999])
def test_what_is_damaged_is_compiled_anew(
    root: Path, tmp_path: Path, stored: tuple[Path, np.ndarray], share: float
) -> None:
    expected = stored[1]
    good = stored[0].read_bytes()
    file = tmp_path / stored[0].name
    bad = bytearray(good)
    bad[int(len(bad) * share)] ^= 0x40
    file.write_bytes(bad)
    np.testing.assert_array_equal(_logits(root, tmp_path), expected)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() != bad


def test_half_a_file_is_compiled_anew(
    root: Path, tmp_path: Path, stored: tuple[Path, np.ndarray]
) -> None:
    good = stored[0].read_bytes()
    file = tmp_path / stored[0].name
    file.write_bytes(good[: len(good) // 2])
    np.testing.assert_array_equal(_logits(root, tmp_path), stored[1])
    assert len(file.read_bytes()) > len(good) // 2


def test_what_openvino_does_not_take_is_compiled_anew(
    root: Path, tmp_path: Path, stored: tuple[Path, np.ndarray]
) -> None:
    expected = stored[1]
    good = stored[0].read_bytes()
    file = tmp_path / stored[0].name
    CompiledCache(tmp_path).store(file.stem, b"no graph, but whole")
    np.testing.assert_array_equal(_logits(root, tmp_path), expected)
    assert len(file.read_bytes()) > len(good) // 2


def test_a_folder_that_others_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ArtefactError, match=r"others may write to it"):
        CompiledCache(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArtefactError, match=re.escape(f"{tmp_path / 'file'} cannot hold")):
        CompiledCache(tmp_path / "file")


def test_other_files_or_settings_have_another_name(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    keys = [key_of([one], "a"), key_of([other], "a"), key_of([one], "b"), key_of([one, other], "a")]
    assert len(set(keys)) == 4
    assert key_of([one], "a") == keys[0]


def test_nothing_is_left_where_it_cannot_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache = CompiledCache(tmp_path)
    cache.store("key", b"blob")
    assert cache.find("key") is None
    assert list(tmp_path.iterdir()) == []
