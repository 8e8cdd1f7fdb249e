"""The tables of docs/fixed-graphs.md, from the results of benchmarks/fixed_graphs.py."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks.lib.pages import write_between
from benchmarks.lib.table import NONE, Table

COMMAND = "benchmarks/fixed_graphs.py"
# By model, kind and graph.
_Results = dict[tuple[str, str, str], dict[str, Any]]


def render(content: dict[str, Any]) -> str:
    """Return Markdown: what the results depend on, the table of each runtime, what failed."""
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    results = content["results"]
    where = (
        f"{content['date']}, {content['machine']}; {versions}. Medians of "
        f"{content['settings']['turns']} interleaved calls of one image each."
    )
    measured: dict[str, _Results] = {
        what: {
            (one["model"], one["kind"], one["graph"]): one
            for one in results
            if one["what"] == what and "error" not in one
        }
        for what in ("logits", "seconds", "plan")
    }
    parts = [where, content["note"]]
    if measured["logits"]:
        parts.append(_graphs(measured["logits"], measured["seconds"]).as_markdown())
    if measured["plan"]:
        parts.append(_plans(measured["plan"]).as_markdown())
    parts += [
        f"{one['what']} of {one['model']}, {one['kind']}, {one['graph']} failed: `{one['error']}`"
        for one in results
        if "error" in one
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _graphs(logits: _Results, seconds: _Results) -> Table:
    """A row a graph: nodes, and of each engine milliseconds before and after, and their ratio."""
    engines = list(next(iter(logits.values()))["difference"])
    head = ["model", "graph", "rewritten", "nodes before", "after"]
    for engine in engines:
        head += [f"{engine}: logits apart", "ms before", "after", "times as fast"]
    rows = []
    for (model, kind, graph), one in logits.items():
        rewritten = "yes" if graph == "optimised" else "no"
        row = [model, kind, rewritten, *(f"{number}" for number in one["nodes"].values())]
        for engine in engines:
            row.append(f"{one['difference'][engine]:.1e}")
            timed = seconds.get((model, kind, graph))
            row += _milliseconds(timed["seconds"][engine]) if timed else [NONE, NONE, NONE]
        rows.append(row)
    return Table(head, rows, left=3)


def _milliseconds(seconds: dict[str, list[float]]) -> list[str]:
    before, after = (statistics.median(seconds[when]) for when in ("before", "after"))
    return [f"{1000 * before:.0f}", f"{1000 * after:.0f}", f"{before / after:.2f}"]


def _plans(results: _Results) -> Table:
    """A row a plan: layers of the parsed network, seconds and MiB, before and after."""
    head = ["model", "plan", "layers before", "after"]
    for what in ("parse, s", "build, s", "MiB"):
        head += [f"{what} before", "after"]
    rows = []
    for (model, kind, _), one in results.items():
        both = [one["plans"][when] for when in ("before", "after")]
        row = [model, kind, *(f"{plan['layers']}" for plan in both)]
        row += [f"{plan['parse_seconds']:.2f}" for plan in both]
        row += [f"{plan['build_seconds']:.1f}" for plan in both]
        rows.append([*row, *(f"{plan['mib']:.0f}" for plan in both)])
    return Table(head, rows, left=2)


def write_page(page: Path, content: dict[str, Any]) -> None:
    """Put the tables of the results between the markers of the page."""
    write_between(page, COMMAND, render(content))
