"""What was measured, as rows of text: for the terminal and for docs/results.md."""

from benchmarks.lib.table import NONE, Table, number
from benchmarks.speed.case import Case
from benchmarks.speed.compare import times_published, times_torch, torch_by_default
from benchmarks.speed.fps_results import AS_SERVED, FpsResult, FpsRun
from ocrnet.zoo import get_spec

_GRAPHS = {"plain": "plain", "optimised": "rewritten for CPUs"}


def measured_table(
    results: list[FpsResult],
    peaks_gmac_s: dict[str, float],
    baseline: list[float | None] | None = None,
) -> Table:
    """One row a result.

    peaks_gmac_s: as in FpsRun. baseline: ratios in the same order, for a column of their own.
    """
    head = ["architecture", "size", "mode", "engine", "precision", "graph", "labels by", "fps"]
    head += ["× torch", "p50 ms", "p95 ms", "calls", "GMAC", "of peak", "MB"]
    compiled = any(one.measured and one.measured.compile_seconds for one in results)
    head += ["compiled, s"] if compiled else []
    head += ["× baseline"] if baseline else []
    rows = []
    for k, result in enumerate(results):
        case, measured = result.case, result.measured
        row = [case.architecture, str(case.size), _mode(case)]
        row += [case.engine, result.precision, _graph(result)]
        if measured is None:
            row += [NONE, "failed"] + [NONE] * (7 + compiled)
        else:
            row += [
                measured.labels_by or NONE,
                f"{measured.fps:.3g}",
                number(times_torch(result, results), ".2f"),
                _milliseconds(measured.p50_ms),
                _milliseconds(measured.p95_ms),
                f"{measured.calls}",
                f"{measured.gmac:.0f}",
                number(_share_of_peak(result, peaks_gmac_s), ".0%"),
                number(measured.peak_mb, ".0f"),
            ]
            row += [number(measured.compile_seconds, ".0f")] if compiled else []
        if baseline:
            row.append(number(baseline[k], ".2f"))
        rows.append(row)
    return Table(head, rows, left=7)


def published_table(run: FpsRun, miou: dict[str, float]) -> Table:
    """One row a published model, beside what its architecture does here.

    `fps here` is eager PyTorch's, in TF32 where that was measured, else in float32, and others are
    multiples of it. miou: measured, 0 to 1, by the model's name.
    """
    torch = torch_by_default(run.results)
    found: dict[str, dict[str, FpsResult]] = {}
    for result in run.results:
        case = result.case
        plain = (case.mode, case.batch, case.concurrency) == ("whole", 1, 1)
        if plain and result.measured and torch.get(case.architecture) is not result:
            found.setdefault(way_of(result), {})[case.architecture] = result
    head = ["model", "published fps", "fps here", "× published"]
    head += [f"{key} ×" for key in found]
    head += ["published mIoU", "ms+flip", "measured mIoU"]
    rows = []
    for models in run.models.values():
        for spec in map(get_spec, models):
            published = spec.published
            if published.miou is None:
                continue
            of_torch = torch.get(spec.architecture)
            here = of_torch.measured if of_torch else None
            fps = published.fps
            ratio = times_published(of_torch, spec, run.machine.device) if of_torch else None
            row = [spec.name, f"{fps:.2f} ({published.device})" if fps else NONE]
            row += [number(here.fps if here else None, ".3g"), number(ratio, ".2f")]
            for by_architecture in found.values():
                by_key = by_architecture.get(spec.architecture)
                times = times_torch(by_key, run.results) if by_key else None
                row.append(number(times, ".2f"))
            row += [f"{published.miou:.2f}", number(published.miou_ms_flip, ".2f")]
            measured = miou.get(spec.name)
            row.append(number(None if measured is None else 100 * measured, ".2f"))
            rows.append(row)
    return Table(head, rows)


def way_of(result: FpsResult) -> str:
    """The engine with what is not usual of it: plain float32 is."""
    parts: list[str] = [result.case.engine]
    parts += [result.precision] if result.precision != "float32" else []
    return " ".join(parts + (["optimised"] if result.case.graph == "optimised" else []))


def no_peak(run: FpsRun) -> str | None:
    """Return the sentence for a device whose peak is not known; None if it is."""
    if run.peaks_gmac_s:
        return None
    return f"No peak is known of {run.machine.device}: the column 'of peak' is empty."


def _share_of_peak(result: FpsResult, peaks: dict[str, float]) -> float | None:
    """Of what the device could do in the arithmetic that the engine uses."""
    peak, measured = peaks.get(result.precision), result.measured
    return measured.gmac * measured.fps / peak if peak and measured else None


def _graph(result: FpsResult) -> str:
    """Of a server that ran already nothing is known but its weights' label."""
    measured = result.measured
    if result.case.serving and measured and measured.weights == AS_SERVED:
        return AS_SERVED
    return _GRAPHS[result.case.graph]


def _mode(case: Case) -> str:
    text = str(case.mode)
    text += f", batch {case.batch}" if case.batch > 1 else ""
    return text + (f", {case.concurrency} at once" if case.concurrency > 1 else "")


def _milliseconds(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
