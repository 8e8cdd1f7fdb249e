"""Runs the steps one after the other, each as a process of its own, until the time is over.

A crash, a hang or a missing package ends one step and no other. Results are in the file after every
measurement, so that a run that is killed leaves what it has measured.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.acceptance.run_record import RunRecord, Status, StepRecord
from benchmarks.acceptance.step import Facts, Step, missing, not_installed
from benchmarks.lib.json_files import write_json

ROOT = Path(__file__).parents[2]
_OURS = ("benchmarks", "export", "ocrnet", "server", "tests")
_NO_MODULE = re.compile(r"(?:ModuleNotFoundError|No module named).*?'([\w.]+)'")
_POLL_SECONDS = 0.2
_LOG_LINES = 15


@dataclass(frozen=True)
class Clock:
    """When the run as a whole ends, by time.monotonic."""

    end: float
    minutes: float

    @property
    def left(self) -> float:
        """Seconds; negative if it is over."""
        return self.end - time.monotonic()

    @property
    def over(self) -> str:
        """Why a step was not run to its end."""
        return f"the {self.minutes:g} minutes were over"


def start_clock(minutes: float) -> Clock:
    """From now on."""
    return Clock(time.monotonic() + 60 * minutes, minutes)


def run_steps(
    steps: list[Step],
    clock: Clock,
    path: Path,
    run: RunRecord,
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Run them; what is found is in `run`, and in the file `path` all the while.

    folder: for the steps' own results and logs. say: told how each step went.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, step in enumerate(steps, 1):
        say(f"[{number}/{len(steps)}] {step.name}")

        def keep(results: list[Facts], step: Step = step) -> None:
            run.steps[-1] = _interrupted(step, results)
            write_json(path, run.to_json())

        run.steps.append(_interrupted(step, []))
        write_json(path, run.to_json())
        record = _run_step(step, run.facts, clock, folder / f"{number}.json", keep)
        if step.kind == "facts" and record.results:
            run.facts, record.results = record.results[0], []
        run.steps[-1] = record
        write_json(path, run.to_json())
        reason = f": {record.reason}" if record.reason else ""
        say(f"    {record.status}{reason}")


def _interrupted(step: Step, results: list[Facts]) -> StepRecord:
    """What stands in the file while the step runs."""
    return StepRecord(step.name, step.kind, "stopped", "the run was interrupted", results=results)


def _run_step(
    step: Step, facts: Facts, clock: Clock, file: Path, keep: Callable[[list[Facts]], None]
) -> StepRecord:
    lacking = missing(step, facts)
    if lacking:
        return StepRecord(step.name, step.kind, "could not run", lacking)
    if clock.left < step.least:
        return StepRecord(step.name, step.kind, "not run", clock.over)
    file.unlink(missing_ok=True)  # of an earlier run
    log = file.with_suffix(".log")
    started = time.monotonic()
    until = min(step.seconds, clock.left)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
    }
    seen = 0.0
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, *step.arguments, str(file.resolve())],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its own children end with it
        ) as running,
    ):
        try:
            while running.poll() is None and time.monotonic() - started < until:
                time.sleep(_POLL_SECONDS)
                changed = file.stat().st_mtime if file.exists() else 0.0
                if changed != seen:
                    seen = changed
                    keep(_read(file)[0])
            status = running.poll()
        finally:
            _end(running)
    return _judged(step, status, file, log, time.monotonic() - started, clock)


def _end(running: "subprocess.Popen[bytes]") -> None:
    """End whatever is left of the step, its children included."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:  # all of them have ended
        return
    running.wait()


def _judged(
    step: Step, status: int | None, file: Path, log: Path, seconds: float, clock: Clock
) -> StepRecord:
    results, wrong = _read(file)
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    bad = [result for result in results if is_bad(result)]

    def ended(how: Status, reason: str) -> StepRecord:
        log = lines[-_LOG_LINES:] if how == "failed" else []
        return StepRecord(step.name, step.kind, how, reason, round(seconds, 1), results, log)

    if status is None and clock.left <= 0 and not bad:
        return ended("stopped", f"{clock.over} while it ran")
    if status is None and not bad:
        return ended("failed", f"it took longer than {step.seconds:g} s and was killed")
    lost = _lacking(text)
    if status and status > 0 and lost and not results:
        return ended("could not run", not_installed(lost))
    if status is not None and status < 0:
        return ended("failed", f"it was ended by {_signal(-status)}")
    if bad:
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        return ended("failed", f"{_why(bad[0])}{more}")
    if status:
        said = lines[-1] if lines else "it says nothing"
        return ended("failed", f"status {status}: {said}")
    if wrong or not results:
        return ended("failed", wrong or "it wrote no results")
    if all(result.get("outcome") == "skipped" for result in results):
        return ended("could not run", _skipped(results))
    return ended("passed", _skipped(results))


def is_bad(result: Facts) -> bool:
    """Whether a result says that something failed."""
    return "error" in result or result.get("verdict") == "fail" or result.get("outcome") == "failed"


def _why(result: Facts) -> str:
    named = ("test", "network", "architecture", "kind", "engine", "precision")
    what = " ".join(str(result[name]) for name in named if result.get(name))
    return f"{what}: {result.get('error') or '; '.join(result.get('reasons', []))}"


def _skipped(results: list[Facts]) -> str:
    reasons = [str(one["reason"]) for one in results if one.get("outcome") == "skipped"]
    if not reasons:
        return ""
    return f"{len(reasons)} of {len(results)} skipped: {'; '.join(dict.fromkeys(reasons))}"


def _read(file: Path) -> tuple[list[Facts], str]:
    """The results in a step's file, and what is wrong with it."""
    if not file.exists():
        return [], ""
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        results = json.loads(text)["results"]
    except (ValueError, TypeError, KeyError):
        return [], f"its results are not JSON with a list 'results': {text[:80]!r}"
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        return [], f"its results are not a list of objects: {text[:80]!r}"
    return results, ""


def _lacking(log: str) -> str | None:
    """The module that a step could not import, if it is not one of ours."""
    names = [name.split(".")[0] for name in _NO_MODULE.findall(log)]
    return next((name for name in reversed(names) if name not in _OURS), None)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
