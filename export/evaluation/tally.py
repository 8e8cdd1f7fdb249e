"""Counting over pictures: how far an artefact is from PyTorch, and both from the truth."""

from statistics import median

import numpy as np
from numpy.typing import NDArray

from ocrnet.datasets.miou import ConfusionMatrix


class Tally:
    """What is counted of one artefact, or of PyTorch itself, over all pictures."""

    def __init__(self, classes: int, *, labelled: bool):
        self._matrix = ConfusionMatrix(classes) if labelled else None
        self._error = 0.0
        self._largest = 0.0
        self._changed = 0
        self._pixels = 0
        self.seconds: list[float] = []

    def add_labels(self, truth: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        """Count a label map, uint8 (H, W), against the true one."""
        if self._matrix is not None:
            self._matrix.add(truth, labels)

    def add_difference(
        self,
        expected: NDArray[np.float32],
        actual: NDArray[np.float32],
        changed: NDArray[np.bool_],
    ) -> None:
        """Count logits (N, K, h, w) against PyTorch's, and the pixels (H, W) that changed."""
        # NaN stays NaN in both, whatever comes after.
        self._error = float(np.maximum(self._error, np.abs(actual - expected).max()))
        self._largest = max(self._largest, float(np.abs(expected).max()))
        self._changed += int(changed.sum())
        self._pixels += changed.size

    @property
    def logit_error(self) -> float | None:
        """Largest error over the largest logit; None if a logit was not finite."""
        error = self._error / self._largest
        return error if np.isfinite(error) else None

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
        return None if self._matrix is None else _number(self._matrix.miou())

    @property
    def miou_of_present(self) -> float | None:
        """0 to 1, as ConfusionMatrix.miou_of_present; None without true labels."""
        return None if self._matrix is None else _number(self._matrix.miou_of_present())

    def miou_loss(self, reference: "Tally") -> float | None:
        """As ConfusionMatrix.miou_loss; None without true labels."""
        if self._matrix is None or reference._matrix is None:
            return None
        return self._matrix.miou_loss(reference._matrix)

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
        return {name: _number(value) for name, value in zip(names, values, strict=True)}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
