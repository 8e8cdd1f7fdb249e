"""What an acceptance run found, as text: the machine, the steps, parity, plans, fps."""

from typing import Any

from benchmarks.acceptance.step_runner import is_bad
from benchmarks.lib.table import NONE, Table, number
from benchmarks.speed.fps_tables import measured_table

Facts = dict[str, Any]


def in_words(content: Facts, *, markdown: bool = False) -> str:
    """Return all of it; a table for each kind of result that there is."""
    tables = [_steps(content), _parity(content), _plans(content), _fps(content)]
    found = [table for table in tables if table is not None]
    texts = [table.as_markdown() if markdown else table.for_terminal() for table in found]
    return "\n\n".join([_machine(content), *texts])


def results_of(content: Facts, kind: str) -> list[Facts]:
    """Return the results of all steps of that kind."""
    return [row for step in content["steps"] if step["kind"] == kind for row in step["results"]]


def _machine(content: Facts) -> str:
    facts = content["facts"]
    if not facts:
        return f"{content['device']}, {content['date']}; its versions could not be read."
    gpu = facts["gpus"][0] if facts["gpus"] else {}
    torch = facts["torch"]
    parts = [
        content["device"], gpu.get("memory.total"), f"driver {gpu.get('driver_version')}",
        f"compute capability {gpu.get('compute_cap')}", f"CUDA {torch.get('cuda')}",
        f"cuDNN {torch.get('cudnn')}", *(f"{k} {v}" for k, v in facts["packages"].items()),
        f"Python {facts['python']}", f"{facts['processor']} ({facts['cores']} cores)",
        f"commit {facts['commit']}" if facts["commit"] else None, content["date"],
    ]  # fmt: skip
    note = f"\n{content['note']}" if content["note"] else ""
    return ", ".join(part for part in parts if part) + "." + note


def _steps(content: Facts) -> Table:
    rows = []
    for step in content["steps"]:
        passed = sum(not is_bad(row) for row in step["results"])
        count = f"{passed} of {len(step['results'])}" if step["results"] else NONE
        rows.append(
            [step["name"], step["status"], step["reason"] or "", count, f"{step['seconds']:.0f}"]
        )
    return Table(["step", "result", "why", "good results", "seconds"], rows, left=3)


def _parity(content: Facts) -> Table | None:
    found = results_of(content, "parity")
    found += [row for row in results_of(content, "plans") if row["what"] == "verify"]
    if not found:
        return None
    head = ["network", "size", "engine", "precision", "against", "verdict", "logits off by"]
    head += ["labels changed"]
    rows = []
    for row in found:
        size = str(row["size"]) + (f", batch {row['batch']}" if row["batch"] > 1 else "")
        rounded = " (TF32)" if row["tf32"] else ""
        rows.append(
            [
                *(row["network"], size, row["engine"], row["precision"] + rounded, row["against"]),
                row.get("verdict", "failed"),
                number(row.get("logit_error"), ".2g"),
                number(row.get("changed_labels"), ".4%"),
            ]
        )
    return Table(head, rows, left=6)


def _plans(content: Facts) -> Table | None:
    found = [row for row in results_of(content, "plans") if row["what"] == "build"]
    if not found:
        return None
    head = ["plan", "precision", "layers", "parsed, s", "built, s", "MiB"]
    rows = [
        [f"{row['network']} {row['kind']}", row["precision"]]
        + [str(row[name]) for name in ("layers", "parse_seconds", "build_seconds", "plan_mib")]
        for row in found
    ]
    return Table(head, rows, left=2)


def _fps(content: Facts) -> Table | None:
    found = results_of(content, "fps")
    if not found:
        return None
    return measured_table({"results": found, "peaks_gmac_s": content["peaks_gmac_s"]})
