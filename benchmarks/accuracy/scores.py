"""The figures of a confusion matrix, in a table and in JSON."""

import math
from typing import Any

from benchmarks.lib.table import Table
from ocrnet.datasets.miou import ConfusionMatrix


def as_table(matrix: ConfusionMatrix, names: tuple[str, ...]) -> str:
    """Lines of text: IoU and Acc per class, then the three figures over all; `-` is none."""
    per_class = zip(names, matrix.iou().tolist(), matrix.acc().tolist(), strict=True)
    rows = [[name, _text(iou), _text(acc)] for name, iou, acc in per_class]
    means = {"mIoU": matrix.miou(), "mAcc": matrix.macc(), "aAcc": matrix.aacc()}
    rows += [[name, _text(value), ""] for name, value in means.items()]
    return Table(["class", "IoU", "Acc"], rows).for_terminal()


def as_json(matrix: ConfusionMatrix, names: tuple[str, ...]) -> dict[str, Any]:
    """All figures, 0 to 1, None where there is none; the counts by true class, then predicted."""
    per_class = {"iou": matrix.iou(), "acc": matrix.acc()}
    return {
        "miou": _number(matrix.miou()),
        "macc": _number(matrix.macc()),
        "aacc": _number(matrix.aacc()),
        **{
            kind: dict(zip(names, map(_number, values.tolist()), strict=True))
            for kind, values in per_class.items()
        },
        "confusion": matrix.counts.tolist(),
    }


def absent_classes(matrix: ConfusionMatrix, names: tuple[str, ...]) -> list[str]:
    """Classes of which there is no true pixel."""
    return [name for name, count in zip(names, matrix.counts.sum(1), strict=True) if not count]


def _text(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
