"""The steps as a table for people and as a document for programs."""

import datetime
import platform
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from benchmarks.lib.machine import cores, processor, vector_units
from benchmarks.lib.table import NONE, RunningTable, number
from benchmarks.loadtest.client import Sample
from benchmarks.loadtest.load_steps import Plan, Results, Step
from benchmarks.loadtest.summary import Spread
from ocrnet import __version__

_LATE = 100.0  # milliseconds from which the client's own lateness is said
_TABLE = RunningTable((
    ("× cap.", 6), ("offered/s", 9), ("masks/s", 8), ("good/s", 8), ("p50 ms", 8), ("p95 ms", 8),
    ("p99 ms", 8), ("refused", 7), ("ref. p50", 8), ("errors", 6), ("late ms", 7), ("peak MB", 7),
    ("batch", 5),
))  # fmt: skip
_NOT_ERRORS = frozenset({"ok", "overloaded"})


def heading() -> str:
    """Return the table's first line."""
    return _TABLE.heading()


def row(step: Step) -> str:
    """Return a step's line, and under it what needs words."""
    summary = step.summary
    cells = (
        f"{step.multiple:g}×",
        f"{summary.offered:.2f}",
        f"{summary.answered:.2f}",
        f"{summary.goodput:.2f}",
        *_three(summary.latency),
        f"{summary.refused_share:.1%}",
        number(summary.refusal.p50 if summary.refusal else None, ".0f"),
        str(sum(count for code, count in summary.codes.items() if code not in _NOT_ERRORS)),
        number(summary.late.p99 if summary.late else None, ".1f"),
        number(step.peak / 1e6 if step.peak else None, ".0f"),
        number(step.mean_batch, ".2f"),
    )
    return "\n".join([_TABLE.row(cells), *(f"        {remark}" for remark in remarks(step))])


def remarks(step: Step) -> list[str]:
    """Return what the table's figures alone would hide."""
    summary = step.summary
    said = []
    errors = {code: count for code, count in summary.codes.items() if code not in _NOT_ERRORS}
    if errors:
        said.append("errors: " + ", ".join(f"{count} {code}" for code, count in errors.items()))
    if summary.late is not None and summary.late.p99 > _LATE:
        said.append(
            f"the client was late by p99 {summary.late.p99:.0f} ms: it could not keep up, and the "
            "latencies above include that"
        )
    return said


def document(plan: Plan, results: Results, gateway: Sequence[str], note: str) -> dict[str, Any]:
    """Return all of it for JSON: facts, summaries, and every request.

    gateway: the URL, or the flags that it was started with.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "note": note,
        "machine": {
            "cpu": processor(),
            "cores": cores(),
            "vector_units": vector_units(),
            "system": platform.platform(),
        },
        "versions": {"ocrnet": __version__, "python": platform.python_version()},
        "gateway": list(gateway),
        "plan": {one.name: getattr(plan, one.name) for one in fields(plan)}
        | {"mix": {str(kind): weight for kind, weight in plan.mix.items()}},
        "capacity": asdict(results.capacity) if results.capacity else None,
        "left_out": results.left_out,
        "steps": [_step(step) for step in results.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    names = [one.name for one in fields(Sample)]
    return {
        "multiple": step.multiple,
        "summary": asdict(step.summary),
        "peak_bytes": step.peak,
        "batches": step.batches and {"runs": step.batches[0], "pictures": step.batches[1]},
        "columns": names,
        "samples": [[getattr(sample, name) for name in names] for sample in step.samples],
    }


def _three(spread: Spread | None) -> list[str]:
    if spread is None:
        return [NONE] * 3
    return [f"{value:.0f}" for value in (spread.p50, spread.p95, spread.p99)]
