"""Steps that pass, fail, hang, crash or write nonsense: what stands in the JSON file then."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.acceptance.acceptance_tables import in_words
from benchmarks.acceptance.run_record import RunRecord
from benchmarks.acceptance.step import Need, Step, StepKind
from benchmarks.acceptance.step_runner import run_steps, start_clock
from benchmarks.gpu_acceptance import exit_status
from tests.patience import patience, wait_until

_HEADER: dict[str, Any] = {
    "date": "2026-11-27", "note": "", "minutes": 1.0, "device": "NVIDIA H200", "peaks_gmac_s": {},
}  # fmt: skip
_WRITE = "import json, os, signal, sys, time; file = sys.argv[1]\n"
_GOOD = _WRITE + "json.dump({'results': [{'outcome': 'passed', 'test': 'a'}]}, open(file, 'w'))\n"


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.acceptance.step_runner._POLL_SECONDS", 0.02)


def _step(
    code: str,
    *,
    name: str = "a step",
    kind: StepKind = "tests",
    needs: tuple[Need, ...] = (),
    seconds: float = patience(6),
    least: float = 0,
) -> Step:
    return Step(name, kind, ("-c", code), needs, seconds, least)


def _run(folder: Path, *steps: Step, minutes: float = patience(6) / 60) -> dict[str, Any]:
    """The content of the file; what is returned must be the same."""
    path, said = folder / "results.json", list[str]()
    clock = start_clock(minutes)
    run = RunRecord(**_HEADER)
    run_steps(list(steps), clock, path, run, folder / "work", said.append)
    stored: dict[str, Any] = json.loads(path.read_text())
    assert stored == run.to_json()
    assert RunRecord.from_json(stored) == run
    assert len(said) == 2 * len(steps)
    for step in stored["steps"]:
        assert step.keys() - {"log"} == {"name", "kind", "status", "reason", "seconds", "results"}
        assert step["name"] in in_words(replace(run, facts={}))
    return stored


def _exit_status(content: dict[str, Any]) -> int:
    return exit_status(RunRecord.from_json(content))


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (_GOOD, "passed", ""),
        (_GOOD + "sys.exit('the plan is too large')", "failed", "status 1: the plan is too large"),
        (_GOOD + "os.kill(os.getpid(), signal.SIGSEGV)", "failed", "it was ended by SIGSEGV"),
        (_GOOD + "os.abort()", "failed", "it was ended by SIGABRT"),
        (_WRITE + "open(file, 'w').write('{\"results\": [')", "failed", "results are not JSON"),
        (_WRITE + "open(file, 'w').write('[1, 2]')", "failed", "results are not JSON with a list"),
        (_WRITE + "open(file, 'w').write('{\"results\": [1]}')", "failed", "not a list of objects"),
        (_WRITE + "print('[]')", "failed", "it wrote no results"),
        (_WRITE + "import not_there_at_all", "could not run", "pip install 'not_there_at_all'"),
        (
            _WRITE + "import benchmarks.not_there_at_all",
            "failed", "No module named 'benchmarks.not_there_at_all'",
        ),
        (
            _WRITE + "json.dump({'results': [{'engine': 'torch', 'error': 'out of memory'}, "
            "{'engine': 'b', 'verdict': 'fail', 'reasons': ['off']}]}, open(file, 'w'))\n"
            "sys.exit(1)",
            "failed", "torch: out of memory, and 1 more",
        ),
        (
            _WRITE + "json.dump({'results': [{'outcome': 'skipped', 'reason': 'no GPU'}]}, "
            "open(file, 'w'))",
            "could not run", "1 of 1 skipped: no GPU",
        ),
    ],
)  # fmt: skip
def test_how_a_step_ended_is_said(code: str, status: str, reason: str, tmp_path: Path) -> None:
    first, last = _run(tmp_path, _step(code), _step(_GOOD, name="the next"))["steps"]
    assert (first["status"], reason in first["reason"]) == (status, True), first
    assert last["status"] == "passed"  # whatever the first one did


def _let_time_fly(monkeypatch: pytest.MonkeyPatch, minutes: float, once: Path) -> None:
    """Let the run's own clock go on by so much as soon as a file has a content."""

    def monotonic() -> float:
        return time.monotonic() + (60 * minutes if once.exists() and once.stat().st_size else 0)

    clock = SimpleNamespace(monotonic=monotonic, sleep=time.sleep)
    monkeypatch.setattr("benchmarks.acceptance.step_runner.time", clock)


@pytest.mark.slow
def test_a_step_that_hangs_is_killed_with_its_children_and_what_it_measured_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    _let_time_fly(monkeypatch, 100, child)
    hang = (
        _GOOD + "import subprocess\n"
        f"child = subprocess.Popen(['sleep', '600']); open({str(child)!r}, 'w').write("
        "str(child.pid)); time.sleep(600)"
    )
    step = _run(tmp_path, _step(hang, seconds=90.5), minutes=10_000)["steps"][0]
    assert step["status"] == "failed"
    assert step["reason"] == "it took longer than 90.5 s and was killed"
    assert step["results"] == [{"outcome": "passed", "test": "a"}]
    pid = int(child.read_text())
    wait_until(lambda: _is_gone(pid), seconds=1, what=f"process {pid} is still there")


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text().split()[2]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return status == "Z"  # it was killed, and its new parent has not collected it yet


@pytest.mark.slow
def test_when_the_time_is_over_a_step_is_stopped_and_the_others_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_time_fly(monkeypatch, 100, once=tmp_path / "work" / "2.json")
    content = _run(
        tmp_path,
        _step(_GOOD),
        _step(_GOOD + "time.sleep(600)"),
        _step(_GOOD),
        _step(_GOOD, least=1),
        minutes=99.5,
    )
    statuses = [step["status"] for step in content["steps"]]
    assert statuses == ["passed", "stopped", "not run", "not run"]
    reasons = [step["reason"] for step in content["steps"]]
    assert (
        reasons[1:]
        == ["the 99.5 minutes were over while it ran"] + ["the 99.5 minutes were over"] * 2
    )
    assert content["steps"][1]["results"] == [{"outcome": "passed", "test": "a"}]
    assert _exit_status(content) == 0


@pytest.mark.slow
def test_a_result_that_is_not_good_counts_in_a_step_that_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_time_fly(monkeypatch, 100, once=tmp_path / "work" / "2.json")
    code = (
        _WRITE + "json.dump({'results': [{'engine': 'torch', 'error': 'out of memory'}]}, "
        "open(file, 'w')); time.sleep(600)"
    )
    content = _run(tmp_path, _step(_GOOD), _step(code), minutes=99.5)
    step = content["steps"][1]
    assert (step["status"], step["reason"]) == ("failed", "torch: out of memory")
    assert _exit_status(content) == 1


def test_what_was_measured_is_in_the_file_while_the_step_still_runs(tmp_path: Path) -> None:
    """A run that is killed leaves it: here the step itself looks into the run's file."""
    path = tmp_path / "results.json"
    look = _GOOD + (
        f"end = time.monotonic() + {patience(2)}\n"
        "while time.monotonic() < end:\n"
        f"    found = json.load(open({str(path)!r}))['steps'][0]['results']\n"
        "    if found: break\n"
        "    time.sleep(0.1)\n"
        "json.dump({'results': [{'seen': found}]}, open(file, 'w'))"
    )
    step = _run(tmp_path, _step(look))["steps"][0]
    assert step["results"] == [{"seen": [{"outcome": "passed", "test": "a"}]}]


_FACTS = {
    "commands": ["export"],
    "torch": {"version": "2.13.0", "cuda": "13.0", "cuda_available": True},
    "onnxruntime": {"version": "1.31.1", "providers": ["CUDAExecutionProvider"]},
    "tensorrt": {"version": "11.4.0"},
    "pytest": {"version": "9.1"},
}


@pytest.mark.parametrize(
    ("need", "facts", "reason"),
    [
        ("torch", {"torch": {"version": "2.13.0+cpu", "cuda": None, "cuda_available": False}},
         "PyTorch 2.13.0+cpu is built without CUDA"),
        ("torch", {"torch": {"version": "2.13.0", "cuda": "13.0", "cuda_available": False}},
         "PyTorch 2.13.0 finds no GPU: the driver may be older than CUDA 13.0 needs"),
        ("torch", {"torch": {"error": "libcudart.so.13 is missing"}},
         "torch cannot be loaded: libcudart.so.13 is missing"),
        ("onnxruntime", {"onnxruntime": {"version": "1.31.1", "providers": ["CPU"]}},
         "without its CUDA provider: pip uninstall onnxruntime && pip install onnxruntime-gpu"),
        ("tensorrt", {"tensorrt": {}}, "tensorrt is not installed: pip install 'tensorrt'"),
        ("pytest", {"pytest": {}}, "pytest is not installed: pip install 'pytest'"),
        ("onnxruntime", {"onnxruntime": {}}, "pip install 'onnxruntime-gpu'"),
        ("ocrnet", {"commands": []},
         "'ocrnet export' is not installed: pip install --no-deps -e ."),
    ],
)  # fmt: skip
def test_what_a_step_lacks_is_said_with_how_to_get_it(
    need: Need, facts: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    code = _WRITE + f"json.dump({{'results': [{_FACTS | facts!r}]}}, open(file, 'w'))"
    content = _run(
        tmp_path, _step(code, kind="facts"), _step(_GOOD, needs=(need,)), _step(_GOOD, needs=())
    )
    assert [step["status"] for step in content["steps"]] == ["passed", "could not run", "passed"]
    assert reason in content["steps"][1]["reason"]
    assert content["facts"] == _FACTS | facts
    assert _exit_status(content) == 0


def test_the_status_is_1_if_something_failed_or_nothing_could_run(tmp_path: Path) -> None:
    bad = _step(_WRITE + "sys.exit(3)")
    assert _exit_status(_run(tmp_path, _step(_GOOD), bad)) == 1
    lacking = _step(_WRITE + "import not_there_at_all")
    assert _exit_status(_run(tmp_path, _step(_GOOD, kind="facts"), lacking)) == 1
