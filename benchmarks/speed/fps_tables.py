"""What was measured, as rows of text: for the terminal and for docs/results.md."""

from typing import Any

from benchmarks.lib.table import NONE, Table, number
from benchmarks.speed.compare import times_published, times_torch
from ocrnet.zoo import Size, get_spec


def measured_table(content: dict[str, Any], baseline: list[float | None] | None = None) -> Table:
    """One row a result; baseline: ratios in the same order, for a column of their own."""
    head = ["architecture", "size", "mode", "engine", "precision", "graph", "fps"]
    head += ["× torch", "p50 ms", "p95 ms", "calls", "GMAC", "of peak", "MB"]
    head += ["× baseline"] if baseline else []
    rows = []
    for k, result in enumerate(content["results"]):
        row = [result["architecture"], str(Size(result["height"], result["width"])), _mode(result)]
        row += [result["engine"], result["precision"], result["graph"]]
        if "error" in result:
            row += ["failed"] + [NONE] * 7
        else:
            share = _share_of_peak(result, content["peaks_gmac_s"])
            row += [
                f"{result['fps']:.3g}",
                number(times_torch(result, content["results"]), ".2f"),
                _milliseconds(result["p50_ms"]),
                _milliseconds(result["p95_ms"]),
                f"{result['calls']}",
                f"{result['gmac']:.0f}",
                number(share, ".0%"),
                number(result["peak_mb"], ".0f"),
            ]
        if baseline:
            row.append(number(baseline[k], ".2f"))
        rows.append(row)
    return Table(head, rows, left=6)


def published_table(content: dict[str, Any], miou: dict[str, float]) -> Table:
    """One row a published model, beside what its architecture does here.

    `fps here` is PyTorch's in float32, and other engines are multiples of it.
    miou: measured, 0 to 1, by the model's name.
    """
    device = content["machine"]["device"]
    found: dict[str, dict[str, Any]] = {}
    for result in content["results"]:
        plain = (result["mode"], result["batch"], result["concurrency"]) == ("whole", 1, 1)
        if plain and "fps" in result:
            key = way_of(result)
            found.setdefault(key, {})[result["architecture"]] = result
    torch, others = "torch", [key for key in found if key != "torch"]
    head = ["model", "published fps", "fps here", "× published"]
    head += [f"{key} ×" for key in others]
    head += ["published mIoU", "ms+flip", "measured mIoU"]
    rows = []
    for models in content["models"].values():
        for spec in map(get_spec, models):
            published = spec.published
            if published.miou is None:
                continue
            of_torch = found.get(torch, {}).get(spec.architecture)
            fps = published.fps
            ratio = times_published(of_torch, spec, device) if of_torch else None
            row = [spec.name, f"{fps:.2f} ({published.device})" if fps else NONE]
            row += [number(of_torch and of_torch["fps"], ".3g"), number(ratio, ".2f")]
            for key in others:
                result = found[key].get(spec.architecture)
                times = times_torch(result, content["results"]) if result else None
                row.append(number(times, ".2f"))
            row += [f"{published.miou:.2f}", number(published.miou_ms_flip, ".2f")]
            measured = miou.get(spec.name)
            row.append(number(None if measured is None else 100 * measured, ".2f"))
            rows.append(row)
    return Table(head, rows)


def way_of(result: dict[str, Any]) -> str:
    """The engine with what is not usual of it: plain float32 is."""
    parts = [result["engine"]]
    parts += [result["precision"]] if result["precision"] != "float32" else []
    return " ".join(parts + (["optimised"] if result["graph"] == "optimised" else []))


def _share_of_peak(result: dict[str, Any], peaks: dict[str, float]) -> float | None:
    """Of what the device could do in the arithmetic that the engine uses.

    On GPUs PyTorch's convolutions take TF32 by default, as in mmsegmentation.
    """
    arithmetic = result["precision"]
    in_torch = result["engine"].startswith("torch")
    if in_torch and arithmetic == "float32" and "tf32" in peaks:
        arithmetic = "tf32"
    peak = peaks.get(arithmetic)
    return result["gmac"] * result["fps"] / peak if peak else None


def _mode(result: dict[str, Any]) -> str:
    text = str(result["mode"])
    text += f", batch {result['batch']}" if result["batch"] > 1 else ""
    return text + (f", {result['concurrency']} at once" if result["concurrency"] > 1 else "")


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
