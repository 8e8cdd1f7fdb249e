"""What an acceptance run found, as text: the machine, the steps, parity, plans, fps."""

from benchmarks.acceptance.run_record import RunRecord
from benchmarks.acceptance.step import Facts
from benchmarks.acceptance.step_runner import is_bad
from benchmarks.lib.table import NONE, Table, number
from benchmarks.speed.fps_results import FpsResult
from benchmarks.speed.fps_tables import measured_table


def in_words(run: RunRecord, *, markdown: bool = False) -> str:
    """Return all of it; a table for each kind of result that there is."""
    tables = [_steps(run), _parity(run), _plans(run), _fps(run)]
    found = [table for table in tables if table is not None]
    texts = [table.as_markdown() if markdown else table.for_terminal() for table in found]
    return "\n\n".join([_machine(run), *texts])


def _machine(run: RunRecord) -> str:
    facts = run.facts
    if not facts:
        return f"{run.device}, {run.date}; its versions could not be read."
    gpu = _used_gpu(facts)
    torch = facts["torch"]
    parts = [
        run.device, gpu.get("memory.total"), f"driver {gpu.get('driver_version')}",
        f"compute capability {gpu.get('compute_cap')}", f"CUDA {torch.get('cuda')}",
        f"cuDNN {torch.get('cudnn')}", *(f"{k} {v}" for k, v in facts["packages"].items()),
        f"Python {facts['python']}", f"{facts['processor']} ({facts['cores']} cores)",
        f"commit {facts['commit']}" if facts["commit"] else None, run.date,
    ]  # fmt: skip
    note = f"\n{run.note}" if run.note else ""
    return ", ".join(part for part in parts if part) + "." + note


def _used_gpu(facts: Facts) -> Facts:
    """What nvidia-smi says of the GPU that was measured; older files do not say which one it is."""
    gpus: list[Facts] = facts["gpus"]
    used = [gpu for gpu in gpus if facts.get("used") and gpu["uuid"] == facts["used"]]
    return (used or gpus or [{}])[0]


def _steps(run: RunRecord) -> Table:
    rows = []
    for step in run.steps:
        passed = sum(not is_bad(row) for row in step.results)
        count = f"{passed} of {len(step.results)}" if step.results else NONE
        rows.append([step.name, step.status, step.reason, count, f"{step.seconds:.0f}"])
    return Table(["step", "result", "why", "good results", "seconds"], rows, left=3)


def _parity(run: RunRecord) -> Table | None:
    found = run.results_of("parity")
    found += [row for row in run.results_of("plans") if row["what"] == "verify"]
    if not found:
        return None
    head = ["network", "size", "engine", "precision", "against", "verdict", "logits off by"]
    head += ["labels changed"]
    rows = []
    for row in found:
        size = str(row["size"]) + (f", batch {row['batch']}" if row["batch"] > 1 else "")
        rows.append(
            [
                *(row["network"], size, row["engine"], row["precision"], row["against"]),
                row.get("verdict", "failed"),
                number(row.get("logit_error"), ".2g"),
                number(row.get("changed_labels"), ".4%"),
            ]
        )
    return Table(head, rows, left=6)


def _plans(run: RunRecord) -> Table | None:
    found = [row for row in run.results_of("plans") if row["what"] == "build"]
    if not found:
        return None
    head = ["plan", "precision", "layers", "parsed, s", "built, s", "MiB"]
    rows = [
        [f"{row['network']} {row['kind']}", row["precision"]]
        + [str(row[name]) for name in ("layers", "parse_seconds", "build_seconds", "plan_mib")]
        for row in found
    ]
    return Table(head, rows, left=2)


def _fps(run: RunRecord) -> Table | None:
    found = run.results_of("fps")
    if not found:
        return None
    return measured_table([FpsResult.from_json(row) for row in found], run.peaks_gmac_s)
