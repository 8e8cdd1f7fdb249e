"""The tables of benchmarks/peers.py in docs/results.md."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib.pages import write_between
from benchmarks.lib.peers_table import Peers, peers_table

COMMAND = "benchmarks/peers.py"


def render(runs: Sequence[Peers]) -> str:
    """Return Markdown: for each machine what the figures depend on, and its table."""
    if not runs:
        return "No run is checked in.\n"
    return "\n\n".join(part for run in runs for part in _parts(run)) + "\n"


def _parts(run: Peers) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    random = f" Random weights: {', '.join(run.random)}." if run.random else ""
    where = (
        f"{run.date}, {run.device}; {versions}. {run.size}, `whole`, one image at a time; medians "
        f"of {run.turns} turns in one run, and × as fast as the first row of the same kind.{random}"
    )
    return [where, peers_table(run).as_markdown()]


def write_page(path: Path, runs: Sequence[Peers]) -> None:
    """Put the tables between the two markers of the page."""
    write_between(path, COMMAND, render(runs))
