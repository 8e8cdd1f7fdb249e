"""fps against mIoU: what a model costs and what it gives, engine by engine."""

import re
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from benchmarks.speed.compare import rows_of
from benchmarks.speed.fps_results import FpsRun
from benchmarks.speed.fps_tables import way_of
from ocrnet.zoo import DATASETS, ModelSpec, get_spec

# Okabe and Ito's colours, told apart by colour-blind people too, and a shape for each.
_STYLES = [
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"),
    ("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P"),
]  # fmt: skip
_BACKBONES = {
    "hr18s": "HRNet-W18-S",
    "hr18": "HRNet-W18",
    "hr48": "HRNet-W48",
    "r101-d8": "ResNet-101",
}


def save_chart(run: FpsRun, path: Path) -> None:
    """Write the chart as PNG or SVG, by the file's ending."""
    draw_chart(run).savefig(path, dpi=150)


def draw_chart(run: FpsRun) -> Figure:
    """Draw a panel for each data set, with a line for each published model."""
    points: dict[str, dict[str, list[tuple[ModelSpec, float]]]] = {}
    for result in run.results:
        case, measured = result.case, result.measured
        if measured and case.mode == "whole" and case.batch == 1:
            for spec in rows_of(result, run.models):
                by_engine = points.setdefault(spec.dataset, {})
                by_engine.setdefault(way_of(result), []).append((spec, measured.fps))
    engines = list(dict.fromkeys(key for by_engine in points.values() for key in by_engine))
    figure = Figure(figsize=(5.2 * max(1, len(points)), 5.2), layout="constrained")
    panels = figure.subplots(1, max(1, len(points)), squeeze=False)[0]
    for panel, (dataset, by_engine) in zip(panels, points.items(), strict=False):
        size = _sizes(run, dataset)
        panel.set_title(f"{DATASETS[dataset]}, {size}, whole, batch 1", fontsize=11)
        panel.set_xscale("log")
        lines: dict[str, list[float]] = {}
        for key in engines:
            colour, marker = _STYLES[engines.index(key) % len(_STYLES)]
            of_engine = by_engine.get(key, [])
            panel.scatter(
                [fps for _, fps in of_engine],
                [spec.published.miou for spec, _ in of_engine],
                color=colour, marker=marker, s=34, label=key, zorder=3,
            )  # fmt: skip
            for spec, fps in of_engine:
                lines.setdefault(spec.name, []).append(fps)
        _label_lines(panel, lines)
        panel.set_xlabel("pictures a second, log scale")
        panel.grid(visible=True, which="both", color="0.92", zorder=0)
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter("")
    panels[0].set_ylabel("published mIoU, %")
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center", ncols=max(1, min(len(engines), 2 * len(points))), frameon=False,
    )  # fmt: skip
    figure.suptitle(f"OCRNet on {run.machine.device}", fontsize=12)
    return figure


def _label_lines(panel: Axes, lines: dict[str, list[float]]) -> None:
    """Join a model's points, and name them in a column at the right, none over another."""
    if not lines:
        return
    heights = {name: get_spec(name).published.miou or 0.0 for name in lines}
    low, high = min(heights.values()), max(heights.values())
    step = max(high - low, 0.5) / 14  # what a line of text takes
    panel.set_ylim(low - 2 * step, high + 2 * step)
    fastest = max(fps for values in lines.values() for fps in values)
    slowest = min(fps for values in lines.values() for fps in values)
    column = fastest * (fastest / slowest) ** 0.06
    panel.set_xlim(slowest / 1.25, fastest * max(fastest / slowest, 3) ** 0.75)
    places = _spread(sorted(heights.items(), key=lambda item: item[1]), step)
    for name, values in lines.items():
        panel.plot([min(values), max(values)], [heights[name]] * 2, color="0.75", lw=1, zorder=1)
        panel.annotate(
            _short(get_spec(name)), xy=(max(values), heights[name]), xytext=(column, places[name]),
            fontsize=8, va="center", color="0.15",
            arrowprops={"arrowstyle": "-", "color": "0.8", "lw": 0.7, "shrinkA": 0, "shrinkB": 3},
        )  # fmt: skip


def _spread(heights: list[tuple[str, float]], step: float) -> dict[str, float]:
    """Move labels, sorted by height, apart until none is nearer than `step` to the next."""
    places = [height for _, height in heights]
    for _ in range(200):
        for k in range(1, len(places)):
            gap = step - (places[k] - places[k - 1])
            if gap > 1e-9:
                places[k - 1] -= gap / 2
                places[k] += gap / 2
    return {name: place for (name, _), place in zip(heights, places, strict=True)}


def _short(spec: ModelSpec) -> str:
    iterations = spec.published.iterations
    text = _BACKBONES[spec.backbone] + (f", {iterations // 1000}k" if iterations else "")
    if batch := re.search(r"_b(\d+)$", spec.name):  # two of one schedule
        text += f", batch {batch[1]}"
    return text + (", the authors'" if spec.variant == "authors" else "")


def _sizes(run: FpsRun, dataset: str) -> str:
    sizes = {
        f"{result.case.height}×{result.case.width}"
        for result in run.results
        if get_spec(result.case.model).dataset == dataset
    }
    return " and ".join(sorted(sizes))
