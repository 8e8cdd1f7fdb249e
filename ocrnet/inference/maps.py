"""From a source of logits to the maps that were asked for, a band of rows at a time."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ocrnet.inference.argmax import LabelMap, argmax_classes
from ocrnet.inference.interpolation import (
    Floats,
    InterpolationWeights,
    interpolate_columns,
    interpolate_rows,
    interpolation_weights,
)
from ocrnet.inference.logits import LogitsSource
from ocrnet.timings import Timings
from ocrnet.zoo.spec import Size

Want = Literal["confidence", "logits"]
Confidence = NDArray[np.uint8]
HalfLogits = NDArray[np.float16]

# 19 classes at 2048 columns: 64 rows.
_BAND_BYTES = 10 * 2**20
_LONGEST_BAND = 64
_LARGEST_HALF = float(np.finfo(np.float16).max)


class MapWriter:
    """Turns a source's finished rows into maps, as they come.

    labels: uint8 (height, width). confidence: the winner's probability, 0 to 255, of the same
    shape. logits: float16 (classes, ⌈height/stride⌉, ⌈width/stride⌉). The last two are None
    where `wants` does not name them.
    """

    def __init__(
        self,
        source: LogitsSource,
        classes: int,
        output_stride: int,
        wants: frozenset[Want],
        timings: Timings,
        *,
        probabilities: bool,
        align_corners: bool,
    ):
        """probabilities: the source gives those instead of logits.

        align_corners: of the network's last resize, so that `logits` lie on the grid of its own.
        """
        size = source.size
        self.labels: LabelMap = np.empty((size.height, size.width), np.uint8)
        self.confidence: Confidence | None = (
            np.empty_like(self.labels) if "confidence" in wants else None
        )
        self._downsampled = None
        if "logits" in wants:
            self._downsampled = _DownsampledLogits(
                size, classes, output_stride, align_corners=align_corners
            )
        self._source = source
        self._timings = timings
        self._probabilities = probabilities
        self._only_labels = not wants
        self._written = 0
        self._band = _band_rows(classes, size.width)

    def advance(self) -> None:
        """Write every row that is finished and was not before; argmax is timed as such."""
        finished = self._source.finished
        if self._only_labels and self._write_labels(finished):
            return
        while self._written < finished:
            bottom = min(self._written + self._band, finished)
            band = self._source.rows(self._written, bottom)
            with self._timings.stage("argmax"):
                self.labels[self._written : bottom] = argmax_classes(band)
                if self.confidence is not None:
                    winner = band.max(axis=0) if self._probabilities else winner_probability(band)
                    self.confidence[self._written : bottom] = as_bytes(winner)
                if self._downsampled is not None:
                    self._downsampled.add(band, bottom)
            self._written = bottom
            self._source.release(bottom)

    def _write_labels(self, finished: int) -> bool:
        """Write rows without their full-size logits, if the source can; else return False."""
        if finished == self._written:
            return True
        with self._timings.stage("argmax"):
            labels = self._source.labels(self._written, finished)
            if labels is None:
                return False
            self.labels[self._written : finished] = labels
        self._written = finished
        self._source.release(finished)
        return True

    @property
    def logits(self) -> HalfLogits | None:
        """The logits at output stride; of probabilities, their logarithm."""
        if self._downsampled is None:
            return None
        planes = self._downsampled.planes
        return as_half(np.log(np.maximum(planes, 1e-12)) if self._probabilities else planes)


def confidence_map(source: LogitsSource, classes: int) -> Confidence:
    """The winner's probability at every pixel of a finished source of logits: 0 to 255."""
    size = source.size
    confidence: Confidence = np.empty((size.height, size.width), np.uint8)
    step = _band_rows(classes, size.width)
    for top in range(0, size.height, step):
        band = source.rows(top, min(top + step, size.height))
        confidence[top : top + step] = as_bytes(winner_probability(band))
    return confidence


def _band_rows(classes: int, width: int) -> int:
    return max(1, min(_LONGEST_BAND, _BAND_BYTES // (4 * classes * width)))


def winner_probability(logits: Floats) -> Floats:
    """Softmax of the largest logit: (classes, h, w) → float32 (h, w)."""
    # In place: a band of 150 classes is all that a request should hold.
    powers = logits - logits.max(axis=0)
    np.exp(powers, out=powers)
    probability: Floats = 1 / powers.sum(axis=0)
    return probability


def as_bytes(probability: Floats) -> Confidence:
    """0 to 1 → 0 to 255, rounded."""
    levels: Confidence = (probability * 255 + 0.5).astype(np.uint8)
    return levels


def as_half(logits: Floats) -> HalfLogits:
    """float32 → float16; what is beyond its range becomes its largest value."""
    half: HalfLogits = np.clip(logits, -_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)
    return half


class _DownsampledLogits:
    """Rows of full size, interpolated down to output stride as they come."""

    def __init__(self, size: Size, classes: int, output_stride: int, *, align_corners: bool):
        height, width = -(-size.height // output_stride), -(-size.width // output_stride)
        self.planes: Floats = np.empty((classes, height, width), np.float32)
        self._align_corners = align_corners
        self._along = interpolation_weights(size.height, height, align_corners=align_corners)
        self._done = 0
        self._last: Floats | None = None

    def add(self, band: Floats, bottom: int) -> None:
        """Take the rows up to `bottom` (excluded)."""
        # A row of the result needs two neighbours; the upper one may be the band before's last.
        block = band if self._last is None else np.concatenate([self._last, band], axis=1)
        first = bottom - block.shape[1]
        stop = int(np.searchsorted(self._along.high, bottom))
        if stop > self._done:
            now = slice(self._done, stop)
            low, high = self._along.low[now] - first, self._along.high[now] - first
            narrow = interpolate_rows(
                block, InterpolationWeights(low, high, self._along.weight[now])
            )
            width = self.planes.shape[2]
            self.planes[:, now] = interpolate_columns(
                narrow, width, align_corners=self._align_corners
            )
            self._done = stop
        self._last = band[:, -1:].copy()
