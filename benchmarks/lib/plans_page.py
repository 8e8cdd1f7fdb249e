"""The table of docs/plans.md, from the results of benchmarks/plans.py."""

from pathlib import Path
from typing import Any

from benchmarks.lib.pages import write_between

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
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for result in results:
        row = rows.setdefault((result["architecture"], result["kind"]), {})
        row[result["precision"]] = _cells(result)
    missing = " | ".join(["–"] * 4)
    lines = [
        f"| {' | '.join([*of, row.get('float32', missing), row.get('float16', missing)])} |"
        for of, row in rows.items()
    ]
    heads = [f"float{bits}: {name}" for bits in (32, 16) for name in _COLUMNS]
    head = f"| architecture | graph | {' | '.join(heads)} |"
    return "\n".join([head, f"|---|---|{'--:|' * len(heads)}", *lines])


def _cells(result: dict[str, Any]) -> str:
    if "error" in result:
        return "failed | – | – | –"
    return (
        f"{result['layers']} | {result['parse_seconds']:.2f} | {result['build_seconds']:.1f} | "
        f"{result['plan_mib']:.0f}"
    )


def _models(content: dict[str, Any]) -> str:
    """Which model was built for an architecture, and which others share its graphs."""
    built = {result["architecture"]: result["model"] for result in content["results"]}
    lines = []
    for name, model in built.items():
        others = [other for other in content["models"][name] if other != model]
        lines.append(f"| {name} | {model} | {', '.join(others) or '–'} |")
    return "\n".join(["| architecture | built as | the same for |", "|---|---|---|", *lines])


def write_page(path: Path, content: dict[str, Any]) -> None:
    """Put the table between the two markers of the page."""
    write_between(path, COMMAND, render(content))
