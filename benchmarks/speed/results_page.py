"""The tables of docs/results.md, from the results of benchmarks/fps.py."""

from pathlib import Path

from benchmarks.lib.pages import write_between
from benchmarks.lib.table import Table
from benchmarks.speed.fps_results import FpsRun
from benchmarks.speed.fps_tables import measured_table, no_peak, published_table
from ocrnet.zoo import load_zoo

COMMAND = "benchmarks/docs_tables.py"


def render(run: FpsRun, miou: dict[str, float], gpus: dict[str, FpsRun]) -> str:
    """Return Markdown: for each GPU what the results depend on, a table, what failed.

    Last the published models' table, with fps of the CPU's run. gpus: results of GPUs by name;
    those that published fps are of have the same name there.
    """
    published = _with_gpu_columns(published_table(run, miou), gpus)
    parts = [part for one in gpus.values() for part in _measured(one)]
    parts += [_published(run, gpus), published.as_markdown()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _measured(run: FpsRun) -> list[str]:
    machine, settings = run.machine, run.settings
    more = f"driver {machine.driver}" if machine.driver else ", ".join(machine.vector_units or [])
    bound = f", none begun after {settings.seconds:g} s" if settings.seconds else ""
    where = (
        f"{run.date}, {machine.device}" + (f" ({more})" if more else "") + "; "
        + ", ".join(f"{name} {number}" for name, number in run.versions.items())
        + f". {settings.warmup} calls of warm-up, then up to {settings.images}{bound}; "
        f"*calls* says how many. Weights: {_weights(run)}."
    )  # fmt: skip
    failed = [
        f"{one.case.architecture}, {one.case.engine} {one.case.precision} failed: `{one.error}`"
        for one in run.results
        if one.error is not None
    ]
    table = measured_table(run.results, run.peaks_gmac_s)
    return [where, run.note, no_peak(run) or "", table.as_markdown(), *failed]


def published_devices() -> list[str]:
    """The devices of published fps."""
    devices = (spec.published.device for spec in load_zoo().values())
    return list(dict.fromkeys(device for device in devices if device))


def _published(cpu: FpsRun, gpus: dict[str, FpsRun]) -> str:
    text = (
        f"The published models. *fps here* is PyTorch in float32 on {cpu.machine.device}, "
        f"{cpu.date}, and other engines, on plain graphs, are multiples of it. Columns of GPUs are "
        "eager PyTorch as it is by default: in TF32 where the GPU has it."
    )
    for device in _columns(gpus):
        if device in gpus:
            text += f" On {device}: {gpus[device].machine.device}, {gpus[device].date}."
        else:
            text += f" The column of the {device} is empty: **there was none**."
    return text


def _columns(gpus: dict[str, FpsRun]) -> list[str]:
    """The GPUs that fps were published of, then others that were measured."""
    return list(dict.fromkeys([*published_devices(), *gpus]))


def _with_gpu_columns(table: Table, gpus: dict[str, FpsRun]) -> Table:
    """A column for each GPU: eager PyTorch's fps, where measured."""
    head, rows = list(table.head), [list(row) for row in table.rows]
    place = head.index("published mIoU")
    for device in reversed(_columns(gpus)):
        head.insert(place, f"fps on {device}")
        found = {}
        if device in gpus:
            measured = published_table(gpus[device], {})
            column = measured.head.index("fps here")
            found = {row[0]: row[column] for row in measured.rows}
        for row in rows:
            row.insert(place, found.get(row[0], ""))
    return Table(head, rows, table.left)


def _weights(run: FpsRun) -> str:
    names = sorted({result.measured.weights for result in run.results if result.measured})
    return ", ".join(names) or "none"


def write_page(path: Path, run: FpsRun, miou: dict[str, float], gpus: dict[str, FpsRun]) -> None:
    """Put the tables between the two markers of the page."""
    write_between(path, COMMAND, render(run, miou, gpus))
