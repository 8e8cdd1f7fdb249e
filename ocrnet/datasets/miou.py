"""Figures of a confusion matrix, pooled over pictures, as mmsegmentation's IoUMetric has them.

Source: mmsegmentation 1.2.2, mmseg/evaluation/metrics/iou_metric.py, `intersect_and_union` and
`total_area_to_metrics` with `iou_metrics=['mIoU']`. There areas are float32 and figures rounded to
hundredths of a percent; here counts are int64 and figures float64, from 0 to 1.

`miou_of_present` and `miou_loss` are not of that source. They say what one network costs against
another one: build and verification judge by them (docs/accuracy.md).
"""

import numpy as np
from numpy.typing import NDArray

IGNORE = 255
# A network with less does not know such pictures, or is not trained: what another one gains or
# loses against it is chance.
KNOWN_MIOU = 0.2


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
        hits = np.diag(self.counts)
        return _ratio(hits, self.counts.sum(0) + self.counts.sum(1) - hits)

    def acc(self) -> NDArray[np.float64]:
        """Accuracy per class (`Acc`), 0 to 1: the share of its true pixels that is labelled so.

        NaN for a class that is not present.
        """
        return _ratio(np.diag(self.counts), self.counts.sum(1))

    def miou(self) -> float:
        """Mean over the classes that have an IoU; NaN if none has."""
        return _mean(self.iou())

    def present(self) -> NDArray[np.bool_]:
        """Per class, whether it is the true class of a pixel that was counted."""
        found: NDArray[np.bool_] = self.counts.sum(1) > 0
        return found

    def miou_of_present(self) -> float:
        """Mean over the classes that are present; NaN if none is.

        A pixel that is predicted as a class that is not present counts against its true class
        alone. In `miou` it adds a class of IoU 0 as well: on few pictures one such pixel costs
        whole points.
        """
        return _mean(self.iou()[self.present()])

    def miou_loss(self, reference: "ConfusionMatrix") -> float | None:
        """Points (1/100) of `miou_of_present` that are lost against another network's matrix.

        Negative where this one is better. None where there is nothing to compare: no true pixel
        was counted, or the reference has less than KNOWN_MIOU. Raises ValueError if the two did
        not count the same true labels.
        """
        if not np.array_equal(self.counts.sum(1), reference.counts.sum(1)):
            raise ValueError("the two did not count the same true labels")
        expected = reference.miou_of_present()
        if not expected >= KNOWN_MIOU:  # NaN is not at least anything
            return None
        # A loss of just what is allowed is allowed: floats would be off in the last digits.
        return round(100 * (expected - self.miou_of_present()), 9)

    def macc(self) -> float:
        """Mean (`mAcc`) over the classes that are present; NaN if none is."""
        return _mean(self.acc())

    def aacc(self) -> float:
        """Share of all pixels (`aAcc`) that is labelled right, 0 to 1; NaN if there are none."""
        return float(_ratio(np.trace(self.counts), self.counts.sum()))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """NaN where there is nothing to take a part of."""
    ratio: NDArray[np.float64] = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=ratio, where=np.greater(whole, 0))
    return ratio


def _mean(values: NDArray[np.float64]) -> float:
    """Leave NaN out; where nothing is left, NaN without NumPy's warning."""
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
