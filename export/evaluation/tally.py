"""Counting over pictures: how far an artefact is from its network, and both from the truth."""

import math
from statistics import median

import numpy as np
from numpy.typing import NDArray

from export.evaluation.figures import Figures, finite
from ocrnet.datasets.miou import ConfusionMatrix


class Tally:
    """What is counted of one artefact, or of the network itself, over all pictures."""

    def __init__(self, classes: int, *, labelled: bool):
        """labelled: whether the labels are true; without them there is no mIoU."""
        self._matrix = ConfusionMatrix(classes) if labelled else None
        self._error: float | None = None
        self._largest = 0.0
        self._changed = 0
        self._pixels = 0
        self.seconds: list[float] = []

    def add_labels(self, truth: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        """Count a label map, uint8 (H, W), against the true one."""
        if self._matrix is not None:
            self._matrix.add(truth, labels)

    def add_changed(self, changed: NDArray[np.bool_]) -> None:
        """Count the pixels, bool (H, W), whose label is another one than the network's."""
        self._changed += int(changed.sum())
        self._pixels += changed.size

    def add_logits(self, expected: NDArray[np.float32], actual: NDArray[np.float32]) -> None:
        """Count logits (N, K, h, w) against the network's."""
        # NaN stays NaN in both, whatever comes after.
        error = np.abs(actual - expected).max()
        self._error = float(np.maximum(0.0 if self._error is None else self._error, error))
        self._largest = max(self._largest, float(np.abs(expected).max()))

    @property
    def logit_error(self) -> float | None:
        """Largest error over the largest logit, infinite if one was not finite; None: no logits."""
        if self._error is None:
            return None
        return self._error / self._largest if math.isfinite(self._error) else math.inf

    @property
    def changed_labels(self) -> float:
        """Share of pixels, 0 to 1."""
        return self._changed / self._pixels

    @property
    def latency_ms(self) -> float | None:
        """Median, milliseconds; None if it was not timed."""
        return 1000 * median(self.seconds) if self.seconds else None

    @property
    def miou(self) -> float | None:
        """0 to 1, as ConfusionMatrix.miou; None without true labels."""
        return None if self._matrix is None else finite(self._matrix.miou())

    @property
    def miou_of_present(self) -> float | None:
        """0 to 1, as ConfusionMatrix.miou_of_present; None without true labels."""
        return None if self._matrix is None else finite(self._matrix.miou_of_present())

    def figures(self, reference: "Tally | None" = None) -> Figures:
        """Return what is counted over all classes; reference: the network's own, for a loss."""
        loss = None
        if self._matrix is not None and reference is not None and reference._matrix is not None:
            loss = self._matrix.miou_loss(reference._matrix)
        return Figures(
            logit_error=self.logit_error,
            changed_labels=self.changed_labels,
            miou=self.miou,
            miou_of_present=self.miou_of_present,
            miou_loss=loss,
        )

    def present(self, names: tuple[str, ...]) -> list[str]:
        """Names of the classes that the true labels hold."""
        if self._matrix is None:
            return []
        return [name for name, there in zip(names, self._matrix.present(), strict=True) if there]

    def iou(self, names: tuple[str, ...]) -> dict[str, float | None]:
        """Per class; None for a class neither there nor found. Empty without true labels."""
        if self._matrix is None:
            return {}
        values = self._matrix.iou().tolist()
        return {name: finite(value) for name, value in zip(names, values, strict=True)}
