"""The steps as a chart: what was answered and refused above, how long it took below."""

import math
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchmarks.loadtest.load_steps import Step
from benchmarks.loadtest.summary import Spread

ENDINGS = (".png", ".svg")
# Okabe and Ito's colours, which differ for every kind of colour vision; markers differ as well.
_BLUE, _VERMILION, _GREEN, _PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
_GREY = "#595959"
_WIDTH = 90  # characters of the title's font that fit


def draw(steps: Sequence[Step], capacity: float, title: str) -> Figure:
    """Draw at least one step. capacity: requests per second. title: may have several lines."""
    steps = sorted(steps, key=lambda step: step.multiple)
    multiples = [step.multiple for step in steps]
    figure = Figure(figsize=(9, 7.5), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    rates, latencies = figure.subplots(2, 1, sharex=True)
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, _WIDTH)]
    figure.suptitle("\n".join(lines), fontsize=10)
    _draw_rates(rates, steps, multiples, capacity)
    _draw_latencies(latencies, steps, multiples)
    for axes in (rates, latencies):
        axes.axvline(1, color=_GREY, linewidth=0.8, linestyle=":")
        axes.grid(alpha=0.25)
        # Beside the panel: inside it would lie over somebody's data.
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    latencies.set_xlabel("offered load, as a multiple of capacity")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write PNG or SVG by the file's ending, one of ENDINGS."""
    figure.savefig(path, dpi=150)


def _draw_rates(axes: Axes, steps: Sequence[Step], multiples: list[float], capacity: float) -> None:
    ideal_at = sorted({0.0, 1.0, *multiples, max(1.0, *multiples)})
    axes.plot(
        ideal_at,
        [capacity * min(1.0, multiple) for multiple in ideal_at],
        color=_GREY,
        linestyle="--",
        label="ideal goodput",
    )
    good = [step.summary.goodput for step in steps]
    refused = [step.summary.refused_per_second for step in steps]
    # Not cut off at the panel's edge: no refusal at all is a marker on it.
    axes.plot(multiples, good, color=_BLUE, marker="o", label="goodput", clip_on=False)
    axes.plot(
        multiples, refused, color=_VERMILION, marker="s", label="refused (503)", clip_on=False
    )
    axes.set_ylabel("requests per second")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _draw_latencies(axes: Axes, steps: Sequence[Step], multiples: list[float]) -> None:
    def line(
        of: Callable[[Spread], float], colour: str, marker: str, width: float, name: str
    ) -> None:
        values = [of(one.summary.latency) if one.summary.latency else math.nan for one in steps]
        axes.plot(
            multiples,
            values,
            color=colour,
            marker=marker,
            markersize=4 + 2 * width,
            linewidth=width,
            label=f"{name} of masks",
        )

    axes.set_yscale("log")
    # The widest first: of a hundred masks or fewer p95 and p99 are often the same one.
    line(lambda spread: spread.p99, _PURPLE, "^", 3.5, "p99")
    line(lambda spread: spread.p95, _GREEN, "D", 1.8, "p95")
    line(lambda spread: spread.p50, _BLUE, "o", 1.2, "p50")
    axes.set_ylabel("ms from the intended send time")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
