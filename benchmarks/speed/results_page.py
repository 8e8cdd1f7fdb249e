"""The tables of docs/results.md, from the results of benchmarks/fps.py."""

from pathlib import Path
from typing import Any

from benchmarks.lib.pages import write_between
from benchmarks.lib.table import Table
from benchmarks.speed.fps_tables import measured_table, published_table
from ocrnet.zoo import load_zoo

COMMAND = "benchmarks/docs_tables.py"


def render(content: dict[str, Any], miou: dict[str, float], gpus: dict[str, dict[str, Any]]) -> str:
    """Return Markdown: for each device what the results depend on, a table, what failed.

    Last the published models' table. gpus: results of GPUs by name; those that published fps are of
    have the same name there.
    """
    published = _with_gpu_columns(published_table(content, miou), gpus)
    parts = [part for one in (content, *gpus.values()) for part in _measured(one)]
    parts += [_published(gpus), published.as_markdown()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _measured(content: dict[str, Any]) -> list[str]:
    machine, versions, settings = content["machine"], content["versions"], content["settings"]
    more = ", ".join(machine.get("vector_units", []))
    more = f"driver {machine['driver']}" if "driver" in machine else more
    bound = f", none begun after {settings['seconds']:g} s" if settings["seconds"] else ""
    where = (
        f"{content['date']}, {machine['device']}" + (f" ({more})" if more else "") + "; "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". {settings['warmup']} calls of warm-up, then up to {settings['images']}{bound}; "
        f"*calls* says how many. Weights: {_weights(content)}."
    )  # fmt: skip
    failed = [
        f"{r['architecture']}, {r['engine']} {r['precision']} failed: `{r['error']}`"
        for r in content["results"]
        if "error" in r
    ]
    return [where, content["note"], measured_table(content).as_markdown(), *failed]


def published_devices() -> list[str]:
    """The devices of published fps."""
    devices = (spec.published.device for spec in load_zoo().values())
    return list(dict.fromkeys(device for device in devices if device))


def _published(gpus: dict[str, dict[str, Any]]) -> str:
    text = (
        "The published models. *fps here* is PyTorch in float32 on the CPU above, and other "
        "engines are multiples of it."
    )
    for device in _columns(gpus):
        if device in gpus:
            text += f" On {device}: {gpus[device]['machine']['device']}, {gpus[device]['date']}."
        else:
            text += f" The column of the {device} is empty: **there was none**."
    return text


def _columns(gpus: dict[str, dict[str, Any]]) -> list[str]:
    """The GPUs that fps were published of, then others that were measured."""
    return list(dict.fromkeys([*published_devices(), *gpus]))


def _with_gpu_columns(table: Table, gpus: dict[str, dict[str, Any]]) -> Table:
    """A column for each GPU: PyTorch's fps in float32, where measured."""
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


def _weights(content: dict[str, Any]) -> str:
    names = sorted({result["weights"] for result in content["results"] if "weights" in result})
    return ", ".join(names) or "none"


def write_page(
    path: Path,
    content: dict[str, Any],
    miou: dict[str, float],
    gpus: dict[str, dict[str, Any]],
) -> None:
    """Put the tables between the two markers of the page."""
    write_between(path, COMMAND, render(content, miou, gpus))
