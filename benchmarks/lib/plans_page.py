"""The table of docs/plans.md, from the results of benchmarks/plans.py."""

from pathlib import Path
from typing import Any

from benchmarks.lib.pages import write_between
from benchmarks.lib.table import NONE, Table

COMMAND = "benchmarks/plans.py"
_COLUMNS = ("layers", "parse, s", "build, s", "MiB")


def render(content: dict[str, Any]) -> str:
    """Return Markdown: what the results depend on, the table, what failed."""
    machine, versions, settings = content["machine"], content["versions"], content["settings"]
    gpu = "" if machine["gpu"] else ", no GPU"
    results = content["results"]
    failed = [result for result in results if "error" in result]
    seconds = sum(r["parse_seconds"] + r["build_seconds"] for r in results if "error" not in r)
    where = (
        f"{content['date']}, {machine['cores']} cores of {machine['cpu']}{gpu}; TensorRT-RTX "
        f"{versions['tensorrt_rtx']}, torch {versions['torch']}, onnx {versions['onnx']}, Python "
        f"{versions['python']}; batches of up to {settings['max_batch']}, dynamic graphs up to "
        f"{settings['max_size']}, optimisation level {settings['level']}."
    )
    verdict = (
        f"{len(results) - len(failed)} of {len(results)} plans were built, in {seconds:.0f} s of "
        "parsing and building."
    )
    parts = [where, content["note"], verdict, _table(results), _models(content)]
    parts += [
        f"{r['architecture']}, {r['kind']}, {r['precision']} failed: `{r['error']}`" for r in failed
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(results: list[dict[str, Any]]) -> str:
    """One row per architecture and kind: four columns of float32, four of float16."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for result in results:
        row = rows.setdefault((result["architecture"], result["kind"]), {})
        row[result["precision"]] = _cells(result)
    missing = [NONE] * len(_COLUMNS)
    lines = [
        [*of, *row.get("float32", missing), *row.get("float16", missing)]
        for of, row in rows.items()
    ]
    heads = [f"float{bits}: {name}" for bits in (32, 16) for name in _COLUMNS]
    return Table(["architecture", "graph", *heads], lines, left=2).as_markdown()


def _cells(result: dict[str, Any]) -> list[str]:
    if "error" in result:
        return ["failed", NONE, NONE, NONE]
    seconds = f"{result['parse_seconds']:.2f}", f"{result['build_seconds']:.1f}"
    return [f"{result['layers']}", *seconds, f"{result['plan_mib']:.0f}"]


def _models(content: dict[str, Any]) -> str:
    """Which model was built for an architecture, and which others share its graphs."""
    built = {result["architecture"]: result["model"] for result in content["results"]}
    rows = []
    for name, model in built.items():
        others = [other for other in content["models"][name] if other != model]
        rows.append([name, model, ", ".join(others) or NONE])
    return Table(["architecture", "built as", "the same for"], rows, left=3).as_markdown()


def write_page(path: Path, content: dict[str, Any]) -> None:
    """Put the table between the two markers of the page."""
    write_between(path, COMMAND, render(content))
