"""Intersection over union, pooled over pictures, as mmsegmentation's IoUMetric computes it."""

import numpy as np
from numpy.typing import NDArray

IGNORE = 255


class ConfusionMatrix:
    """Counts of (true class, predicted class) over any number of label maps."""

    def __init__(self, classes: int):
        self.counts: NDArray[np.int64] = np.zeros((classes, classes), np.int64)

    def add(self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Count two label maps, uint8 (height, width) each; `truth` 255 is ignored.

        Raises ValueError for unlike shapes or a class that is not there.
        """
        if truth.shape != predicted.shape:
            raise ValueError(f"label maps differ in shape: {truth.shape} and {predicted.shape}")
        classes = len(self.counts)
        counted = truth != IGNORE
        true, found = truth[counted].astype(np.int64), predicted[counted].astype(np.int64)
        if true.size and max(true.max(), found.max()) >= classes:
            raise ValueError(f"a label map holds a class past the last one, {classes - 1}")
        self.counts += np.bincount(true * classes + found, minlength=classes**2).reshape(
            classes, classes
        )

    def iou(self) -> NDArray[np.float64]:
        """Per class, 0 to 1; NaN for a class neither present nor predicted."""
        hit = np.diag(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hit
        iou: NDArray[np.float64] = np.full(len(hit), np.nan)
        np.divide(hit, union, out=iou, where=union > 0)
        return iou

    def miou(self) -> float:
        """Mean over the classes that have an IoU."""
        return float(np.nanmean(self.iou()))
