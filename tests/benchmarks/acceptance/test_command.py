"""benchmarks/gpu_acceptance.py as a command, on machines without and with a GPU's driver."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.acceptance.acceptance_tables import in_words
from benchmarks.acceptance.run_record import RunRecord
from benchmarks.acceptance.steps import steps
from benchmarks.fps import _cases, _parser
from benchmarks.speed.device import Device
from benchmarks.speed.places import Places
from export.tensorrt.api import Gpu, find_gpu
from ocrnet.errors import ArtefactError
from tests.patience import patience


def _command(root: Path, *flags: str, python: tuple[str, ...] = ()) -> tuple[int, str, str]:
    command = [sys.executable, *python, "-m", "benchmarks.gpu_acceptance", *flags]
    ended = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=patience(12), check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("flags", [[], ["--look"], ["--minutes", "5"]])
def test_without_a_gpu_it_ends_in_one_sentence_and_needs_no_package(
    flags: list[str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    # -S: without site-packages, as a Python in which nothing is installed.
    status, said, error = _command(root, *flags, "--folder", str(tmp_path / "work"), python=("-S",))
    assert (status, said) == (2, "")
    if not list(Path("/dev").glob("nvidia[0-9]*")):
        assert error == (
            "gpu_acceptance.py: there is no NVIDIA GPU here (no nvidia-smi): run this on a machine "
            "that has one\n"
        )
    assert not (tmp_path / "work").exists()


def test_a_driver_that_names_no_gpu_is_quoted(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\necho 'No devices were found'; exit 6\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    status, said, error = _command(root)
    assert (status, said) == (2, "")
    assert "nvidia-smi names no GPU: No devices were found" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "ten"])
def test_minutes_that_are_none_are_refused(minutes: str, root: Path) -> None:
    status, _, error = _command(root, "--minutes", minutes)
    assert status == 2
    assert f"{minutes!r} is not a number of minutes above 0" in error


@pytest.mark.usefixtures("an_h200")
@pytest.mark.slow
def test_a_driver_without_a_cuda_build_of_pytorch_says_so_for_every_step(
    root: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    if torch.version.cuda is not None:
        pytest.skip("this PyTorch is a CUDA build")
    path = tmp_path / "results.json"
    folder = ["--folder", str(tmp_path / "work")]
    status, said, error = _command(root, "--json", str(path), "--note", "a try", *folder)
    assert (status, error) == (1, "")
    content = json.loads(path.read_text())
    first, *others = content["steps"]
    assert first["status"] == "passed"
    assert {step["status"] for step in others} == {"could not run"}
    assert all("built without CUDA" in step["reason"] for step in others)
    facts = content["facts"]
    assert facts["gpus"][0] == {
        "name": "NVIDIA H200", "memory.total": "143771 MiB", "compute_cap": "9.0",
        "driver_version": "580.159.04", "power.limit": "700.00 W", "clocks.max.sm": "1980 MHz",
        "uuid": "GPU-0a",
    }  # fmt: skip
    assert facts["torch"]["version"] == torch.__version__
    assert "pip install 'tensorrt'" in said
    status, shown, _ = _command(root, "--show", str(path), "--markdown")
    assert status == 0
    assert "| versions and device | passed |" in shown
    assert "a try" in shown


def test_the_steps_call_fps_with_flags_that_it_has(tmp_path: Path) -> None:
    found = [step for step in steps("NVIDIA H200", tmp_path) if step.kind == "fps"]
    assert len(found) > 5
    for step in found:
        assert step.arguments[:2] == ("-m", "benchmarks.fps")
        arguments = _parser().parse_args([*step.arguments[2:], "results.json"])
        assert arguments.json == Path("results.json")
        if "tensorrt" in arguments.engine:
            assert (arguments.precision, arguments.batch <= 8) == (["float16"], True)


def test_the_steps_measure_what_is_to_be_known_of_a_gpu(tmp_path: Path) -> None:
    h200 = Device("NVIDIA H200", {}, Gpu("NVIDIA H200", "9.0", "580"))
    measured = set()
    for step in steps("NVIDIA H200", tmp_path):
        if step.kind == "fps":
            arguments = _parser().parse_args([*step.arguments[2:], "results.json"])
            places = Places(arguments.repository)
            found = _cases(arguments, h200, places)
            assert found
            measured |= {
                (one.architecture, one.height, one.batch, one.engine, one.precision, one.graph)
                for one in found
            }
            assert arguments.seconds * len(found) < step.seconds
    backbones = ("hr18s", "hr18", "hr48", "r101-d8")
    wanted = {
        (f"{backbone}_cityscapes", height, 1, engine, precision, "plain")
        for backbone in backbones
        for height in (512, 1024)
        for engine, precisions in (
            ("torch", ("tf32", "float16")),
            ("torch-graph", ("tf32", "float16")),
            ("onnxruntime-bound", ("float32", "float16")),
        )
        for precision in precisions
    }
    # Both arithmetics and both graphs, so that like is set beside like.
    wanted |= {
        ("hr18s_cityscapes", height, 1, "onnxruntime-bound", precision, graph)
        for height in (512, 1024)
        for precision in ("float32", "tf32")
        for graph in ("plain", "optimised")
    }
    wanted.add(("hr18s_cityscapes", 1024, 1, "torch", "float32", "plain"))
    assert wanted <= measured
    compiled = {one[0] for one in measured if one[3] == "torch-compile"}
    assert compiled == {"hr18s_cityscapes"}  # minutes for each


@pytest.mark.parametrize("content", ["", "[]", "{}", "no JSON"])
def test_a_file_of_something_else_is_not_shown(root: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    status, _, error = _command(root, "--show", str(path))
    assert status == 2
    assert "it is not a file that this command wrote" in error
    assert "Traceback" not in error


@pytest.mark.usefixtures("an_h200")
def test_a_gpu_that_is_hidden_is_told_as_such(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    status, said, error = _command(root, "--look")
    assert (status, said) == (2, "")
    assert "CUDA_VISIBLE_DEVICES is '', with which CUDA sees none" in error
    assert "no nvidia-smi" not in error


def test_the_table_is_of_the_gpu_that_was_used() -> None:
    h200, l4 = ({"name": name, "driver_version": "580", "memory.total": size, "uuid": uuid}
                for name, size, uuid in (("NVIDIA H200", "143771 MiB", "GPU-a"),
                                         ("NVIDIA L4", "23034 MiB", "GPU-b")))  # fmt: skip
    facts = {
        "gpus": [h200, l4], "used": "GPU-b", "torch": {}, "packages": {}, "python": "3.12",
        "processor": "a CPU", "cores": 2, "commit": None,
    }  # fmt: skip
    run = RunRecord("2026-11-27", "", 1, "NVIDIA L4", {}, facts)
    assert "23034 MiB" in in_words(run)
    assert "143771 MiB" in in_words(replace(run, facts=facts | {"used": "GPU-a"}))


def _smi(folder: Path, script: str) -> None:
    path = folder / "nvidia-smi"
    path.write_text(script)
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\nexec sleep 60\n", "did not answer within 1 s"),
        ("no program", "cannot be run"),
        ("#!/bin/sh\nprintf 'It has failed.\\nMore.'; exit 9\n", "names no GPU: It has failed$"),
    ],
)
def test_a_driver_that_is_not_well_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    _smi(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    seconds = 1 if "sleep" in script else patience(1)  # 1: it is meant to run out
    monkeypatch.setattr("export.tensorrt.api._LOOK_SECONDS", seconds)
    with pytest.raises(ArtefactError, match=said):
        find_gpu()


def test_what_cannot_be_written_is_told_before_the_first_step(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _smi(tmp_path, "#!/bin/sh\necho 'NVIDIA H200, 9.0, 580.159.04'\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    for flags in (["--json", str(tmp_path)], ["--folder", "/proc/nope"]):
        status, _, error = _command(root, *flags)
        assert status == 2
        assert "cannot be written" in error
        assert "Traceback" not in error
