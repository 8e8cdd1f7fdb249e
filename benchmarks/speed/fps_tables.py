"""What was measured, as rows of text: for the terminal and for docs/results.md."""

from benchmarks.lib.table import NONE, Table, number
from benchmarks.speed.case import Case
from benchmarks.speed.compare import times_published, times_torch
from benchmarks.speed.fps_results import FpsResult, FpsRun, Measurement
from ocrnet.zoo import get_spec


def measured_table(
    results: list[FpsResult],
    peaks_gmac_s: dict[str, float],
    baseline: list[float | None] | None = None,
) -> Table:
    """One row a result.

    peaks_gmac_s: as in FpsRun. baseline: ratios in the same order, for a column of their own.
    """
    head = ["architecture", "size", "mode", "engine", "precision", "graph", "fps"]
    head += ["× torch", "p50 ms", "p95 ms", "calls", "GMAC", "of peak", "MB"]
    head += ["× baseline"] if baseline else []
    rows = []
    for k, result in enumerate(results):
        case, measured = result.case, result.measured
        row = [case.architecture, str(case.size), _mode(case)]
        row += [case.engine, case.precision, case.graph]
        if measured is None:
            row += ["failed"] + [NONE] * 7
        else:
            row += [
                f"{measured.fps:.3g}",
                number(times_torch(result, results), ".2f"),
                _milliseconds(measured.p50_ms),
                _milliseconds(measured.p95_ms),
                f"{measured.calls}",
                f"{measured.gmac:.0f}",
                number(_share_of_peak(case, measured, peaks_gmac_s), ".0%"),
                number(measured.peak_mb, ".0f"),
            ]
        if baseline:
            row.append(number(baseline[k], ".2f"))
        rows.append(row)
    return Table(head, rows, left=6)


def published_table(run: FpsRun, miou: dict[str, float]) -> Table:
    """One row a published model, beside what its architecture does here.

    `fps here` is PyTorch's in float32, and other engines are multiples of it.
    miou: measured, 0 to 1, by the model's name.
    """
    found: dict[str, dict[str, FpsResult]] = {}
    for result in run.results:
        case = result.case
        plain = (case.mode, case.batch, case.concurrency) == ("whole", 1, 1)
        if plain and result.measured:
            found.setdefault(way_of(case), {})[case.architecture] = result
    torch, others = "torch", [key for key in found if key != "torch"]
    head = ["model", "published fps", "fps here", "× published"]
    head += [f"{key} ×" for key in others]
    head += ["published mIoU", "ms+flip", "measured mIoU"]
    rows = []
    for models in run.models.values():
        for spec in map(get_spec, models):
            published = spec.published
            if published.miou is None:
                continue
            of_torch = found.get(torch, {}).get(spec.architecture)
            here = of_torch.measured if of_torch else None
            fps = published.fps
            ratio = times_published(of_torch, spec, run.machine.device) if of_torch else None
            row = [spec.name, f"{fps:.2f} ({published.device})" if fps else NONE]
            row += [number(here.fps if here else None, ".3g"), number(ratio, ".2f")]
            for key in others:
                by_key = found[key].get(spec.architecture)
                times = times_torch(by_key, run.results) if by_key else None
                row.append(number(times, ".2f"))
            row += [f"{published.miou:.2f}", number(published.miou_ms_flip, ".2f")]
            measured = miou.get(spec.name)
            row.append(number(None if measured is None else 100 * measured, ".2f"))
            rows.append(row)
    return Table(head, rows)


def way_of(case: Case) -> str:
    """The engine with what is not usual of it: plain float32 is."""
    parts: list[str] = [case.engine]
    parts += [case.precision] if case.precision != "float32" else []
    return " ".join(parts + (["optimised"] if case.graph == "optimised" else []))


def _share_of_peak(case: Case, measured: Measurement, peaks: dict[str, float]) -> float | None:
    """Of what the device could do in the arithmetic that the engine uses.

    On GPUs PyTorch's convolutions take TF32 by default, as in mmsegmentation.
    """
    arithmetic: str = case.precision
    if case.in_torch and arithmetic == "float32" and "tf32" in peaks:
        arithmetic = "tf32"
    peak = peaks.get(arithmetic)
    return measured.gmac * measured.fps / peak if peak else None


def _mode(case: Case) -> str:
    text = str(case.mode)
    text += f", batch {case.batch}" if case.batch > 1 else ""
    return text + (f", {case.concurrency} at once" if case.concurrency > 1 else "")


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
