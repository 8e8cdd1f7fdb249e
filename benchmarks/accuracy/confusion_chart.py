"""A confusion matrix as a picture."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

_MOST_ANNOTATED = 21  # classes: those of VOC 2012; with more, no number fits into a cell
_LEAST_ANNOTATED = 0.01
_PERCENT = (0, 1, 5, 10, 25, 50, 75, 100)
_ABSENT = "0.85"  # grey


def draw_confusion(
    counts: NDArray[np.int64], names: tuple[str, ...], title: str, path: Path
) -> None:
    """Write `confusion_figure` as PNG or SVG, by the name's ending; raises OSError."""
    figure = confusion_figure(counts, names, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The same counts give the same file: without a date, and names in an SVG are not by chance.
    with matplotlib.rc_context({"svg.hashsalt": "confusion"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})


def confusion_figure(counts: NDArray[np.int64], names: tuple[str, ...], title: str) -> Figure:
    """Draw counts (true class, predicted class) as shares of each true class.

    Rows of classes that are absent are grey. Up to 21 classes, shares of 1 % and more are written
    into their cells. The colours, cividis, can be told apart by colour-blind eyes and in print;
    their scale is a root, since most mistakes are small shares.
    """
    few = len(names) <= _MOST_ANNOTATED
    cell, font, large = (0.42, 9, 11) if few else (0.15, 7, 20)  # inches, points, points
    side = cell * len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.full(counts.shape, np.nan)
    np.divide(counts, totals, out=shares, where=totals > 0)
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": font}):
        figure = Figure(
            figsize=(side + 3.2, side + 2.2), dpi=150 if few else 110, layout="compressed"
        )
        axes = figure.add_subplot()
        colours = matplotlib.colormaps["cividis"].with_extremes(bad=_ABSENT)
        norm = PowerNorm(0.5, vmin=0, vmax=1)
        image = axes.imshow(shares, cmap=colours, norm=norm, interpolation="nearest")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        many = not few  # names on all sides: the eye does not follow a row so far
        axes.tick_params(top=many, labeltop=many, right=many, labelright=many)
        absent = "" if totals.all() else "; grey: not in these pictures"
        axes.set_xlabel("predicted class", fontsize=large)
        axes.set_ylabel(f"true class{absent}", fontsize=large, labelpad=8)
        axes.set_title(title, fontsize=large)
        ticks = [percent / 100 for percent in _PERCENT]
        bar = figure.colorbar(image, ax=axes, ticks=ticks, fraction=0.04, aspect=30)
        bar.ax.set_yticklabels(map(str, _PERCENT), fontsize=font if few else 15)
        bar.set_label("share of the true class's pixels (%)", fontsize=large)
        if few:
            _annotate(axes, shares, norm, font - 1)
    return figure


def _annotate(axes: Axes, shares: NDArray[np.float64], norm: PowerNorm, font: int) -> None:
    """Percent, in whichever of black and white stands out from the cell."""
    for row, column in np.argwhere(shares >= _LEAST_ANNOTATED):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            color="black" if norm(share) > 0.5 else "white",
            fontsize=font,
        )
