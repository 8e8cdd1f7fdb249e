"""Nothing that is optional loses a finished plan, which TensorRT-RTX builds here."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from export.artefacts.int8_graphs import write_report
from export.tensorrt.inspect import save_summary
from export.tensorrt.plan_builder import BuildOptions, Plan
from export.tensorrt.progress import progress_monitor
from export.tensorrt.timing_cache import TimingCacheFile

pytestmark = pytest.mark.slow

Build = Callable[[ModuleType, BuildOptions], Plan]


class Config:
    """IBuilderConfig, as far as timing caches go: bytes that begin with TIMES are one."""

    def __init__(self, *, kept: bool = True, serialises: bool = True):
        """kept: whether the cache is still there after the build."""
        self._kept, self._serialises = kept, serialises
        self._cache: object = None

    def create_timing_cache(self, data: bytes) -> object:
        readable = data if data.startswith(b"TIMES") else b"TIMES of none"
        memory = readable + b", and more" if readable != b"TIMES of none" else readable
        return SimpleNamespace(
            gpu=b"other" not in data, serialize=lambda: memory if self._serialises else None
        )

    def set_timing_cache(self, cache: SimpleNamespace, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache.gpu:
            self._cache = cache
        return bool(cache.gpu)

    def get_timing_cache(self) -> object:
        return self._cache if self._kept else None


def _store(path: Path | None, config: Config, name: str = "tensorrt") -> None:
    TimingCacheFile(ModuleType(name), config, path).store()


def test_what_was_timed_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "new" / "sm80.cache"
    _store(path, Config())
    assert path.read_bytes() == b"TIMES of none"
    _store(path, Config())  # one without entries is a cache, too
    path.write_bytes(b"TIMES of a build")
    _store(path, Config())
    assert path.read_bytes() == b"TIMES of a build, and more"
    link = tmp_path / "linked.cache"
    link.symlink_to(path)
    _store(link, Config())
    assert link.is_symlink()
    assert path.read_bytes() == b"TIMES of a build, and more, and more"
    _store(None, Config())
    _store(tmp_path / "rtx.cache", Config(), "tensorrt_rtx")
    assert [one.name for one in path.parent.iterdir()] == ["sm80.cache"]
    assert not caplog.records


@pytest.mark.parametrize("content", [b"TIMES of other GPU", b"\x08\x07\x12\x07pytorch", b"\0" * 9])
def test_a_file_that_is_no_cache_for_this_gpu_is_neither_used_nor_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "a.cache"
    path.write_bytes(content)
    _store(path, Config())
    assert path.read_bytes() == content
    assert "is no timing cache of this TensorRT and GPU" in caplog.text


def test_a_device_is_not_replaced_by_a_file(caplog: pytest.LogCaptureFixture) -> None:
    _store(Path("/dev/null"), Config())
    assert Path("/dev/null").is_char_device()
    assert "/dev/null is not a file" in caplog.text


@pytest.mark.parametrize("config", [Config(kept=False), Config(serialises=False)])
def test_a_build_that_leaves_no_cache_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, config: Config
) -> None:
    """As after a build with the cache of another version, which TensorRT drops."""
    _store(tmp_path / "a.cache", config)
    assert "TensorRT gives no timing cache" in caplog.text
    assert not list(tmp_path.iterdir())


def _folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.mkdir()


def _pipe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(path)


def _below_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file")


def _unreadable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"TIMES")

    def read_bytes(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", read_bytes)


def _full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_bytes(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


@pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
@pytest.mark.parametrize("fault", [_folder, _pipe, _below_a_file, _unreadable, _full_disk])
def test_a_file_that_cannot_be_used_costs_no_plan(
    rtx: ModuleType,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    """Built by TensorRT-RTX under the name of TensorRT, so that its timing cache is used."""
    path = tmp_path / "folder" / "a.cache"
    path.parent.mkdir()
    fault(path, monkeypatch)
    trt = ModuleType("tensorrt")
    vars(trt).update({name: value for name, value in vars(rtx).items() if name[:2] != "__"})
    plan = build(trt, BuildOptions(level=0, timing_cache=path))
    assert plan.data
    assert plan.layers == 1
    assert f"The timing cache {path} " in caplog.text
    assert not path.with_name("a.cache.partial").exists()


def test_a_progress_bar_that_cannot_be_drawn_costs_no_plan(
    rtx: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in TensorRT's callback would cancel the build."""

    class Closed:
        encoding = "ascii"

        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

        flush = isatty = fileno = lambda self: 0

    for stream in (Closed(), None):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            bars = progress_monitor(rtx)
            bars.phase_start("Building", None, 3)
            assert bars.step_complete("Building", 0)
            bars.phase_start("Compiling", "Building", 3)
            assert bars.step_complete("Compiling", 2)
            bars.phase_finish("Compiling")
            bars.phase_finish("Building")
            plan = build(rtx, BuildOptions(level=0))
        assert plan.data


def _tensorrt(engine: object, text: object = "{}") -> SimpleNamespace:
    """As far as an engine's inspection goes."""
    inspector = SimpleNamespace(get_engine_information=lambda form: text)
    if engine == "without inspector":
        inspector = None
    loaded = engine and SimpleNamespace(create_engine_inspector=lambda: inspector)

    class Runtime:
        def __init__(self, logger: object):
            if engine == "no driver":
                raise TypeError("pybind11::init(): factory function returned nullptr")

        def deserialize_cuda_engine(self, plan: bytes) -> object:
            return loaded

    class Logger:
        Severity = SimpleNamespace(ERROR=1, INTERNAL_ERROR=0, WARNING=2)

    return SimpleNamespace(
        Runtime=Runtime, ILogger=Logger, LayerInformationFormat=SimpleNamespace(JSON=1)
    )


@pytest.mark.parametrize(
    ("trt", "reason"),
    [
        (_tensorrt(None), "does not load on this GPU"),
        (_tensorrt("no driver"), "factory function returned nullptr"),
        (_tensorrt("without inspector"), "TensorRT has none for this plan"),
        (_tensorrt("an engine", ""), "TensorRT has none for this plan"),
        (_tensorrt("an engine", "a layer \ud800"), "surrogates not allowed"),
    ],
)
def test_a_layer_summary_that_cannot_be_made_costs_no_plan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trt: ModuleType, reason: str
) -> None:
    save_summary(trt, b"a plan", tmp_path / "model.layers.json")
    assert reason in caplog.text
    assert not list(tmp_path.iterdir())


def test_a_layer_summary_that_cannot_be_written_costs_no_plan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = _tensorrt("an engine")
    save_summary(trt, b"a plan", tmp_path / "model.layers.json")
    assert (tmp_path / "model.layers.json").read_text() == "{}"
    assert not caplog.records

    def write_text(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", write_text)
    save_summary(trt, b"a plan", tmp_path / "model.layers.json")
    assert "No space left on device" in caplog.text
    monkeypatch.undo()
    (tmp_path / "folder.layers.json").mkdir()
    save_summary(trt, b"a plan", tmp_path / "folder.layers.json")
    assert "Is a directory" in caplog.text


def test_an_int8_report_that_cannot_be_written_costs_no_plan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write_json(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    report = SimpleNamespace(
        write_json=write_json, pictures="scenes", kept_in_float=["attention"], measured=False,
        figures=SimpleNamespace(changed_labels=0.01, miou_loss=None),
    )  # fmt: skip
    assert write_report(report, tmp_path / "model_int8.plan").calibration == "scenes"
    assert "model_int8.plan.int8.json was not written" in caplog.text
