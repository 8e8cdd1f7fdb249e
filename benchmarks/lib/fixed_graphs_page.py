"""The tables of docs/fixed-graphs.md, from the results of benchmarks/fixed_graphs.py."""

import statistics
from pathlib import Path
from typing import Any

from benchmarks.lib.pages import write_between
from benchmarks.lib.table import Table

COMMAND = "benchmarks/fixed_graphs.py"


def render(content: dict[str, Any]) -> str:
    """Return Markdown: what the results depend on, the table of each runtime, what failed."""
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    results = content["results"]
    where = (
        f"{content['date']}, {content['machine']}; {versions}. Medians of "
        f"{content['settings']['turns']} interleaved calls of one image each."
    )
    graphs = [result for result in results if "seconds" in result]
    plans = [result for result in results if "plans" in result]
    parts = [where, content["note"]]
    if graphs:
        parts.append(_graphs(graphs).as_markdown())
    if plans:
        parts.append(_plans(plans).as_markdown())
    parts += [
        f"{one['model']}, {one['kind']}, {one['graph']} failed: `{one['error']}`"
        for one in results
        if "error" in one
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _graphs(results: list[dict[str, Any]]) -> Table:
    """A row a graph: nodes, and of each engine milliseconds before and after, and their ratio."""
    engines = list(results[0]["seconds"])
    head = ["model", "graph", "rewritten", "nodes before", "after"]
    for engine in engines:
        head += [f"{engine}: ms before", "after", "times as fast", "logits apart"]
    rows = []
    for one in results:
        rewritten = "yes" if one["graph"] == "optimised" else "no"
        nodes = one["nodes"]
        row = [one["model"], one["kind"], rewritten, f"{nodes['before']}", f"{nodes['after']}"]
        for engine in engines:
            before, after = (
                statistics.median(one["seconds"][engine][when]) for when in ("before", "after")
            )
            row += [f"{1000 * before:.0f}", f"{1000 * after:.0f}", f"{before / after:.2f}"]
            row.append(f"{one['difference'][engine]:.1e}")
        rows.append(row)
    return Table(head, rows, left=3)


def _plans(results: list[dict[str, Any]]) -> Table:
    """A row a plan: layers of the parsed network, seconds and MiB, before and after."""
    head = ["model", "plan", "layers before", "after"]
    for what in ("parse, s", "build, s", "MiB"):
        head += [f"{what} before", "after"]
    rows = []
    for one in results:
        both = [one["plans"][when] for when in ("before", "after")]
        row = [one["model"], one["kind"], *(f"{plan['layers']}" for plan in both)]
        row += [f"{plan['parse_seconds']:.2f}" for plan in both]
        row += [f"{plan['build_seconds']:.1f}" for plan in both]
        rows.append([*row, *(f"{plan['mib']:.0f}" for plan in both)])
    return Table(head, rows, left=2)


def write_page(page: Path, content: dict[str, Any]) -> None:
    """Put the tables of the results between the markers of the page."""
    write_between(page, COMMAND, render(content))
