"""Logits of a whole picture, of one view of it or of several, read a band of rows at a time.

A full-size logits map is large (150 classes at 16 megapixels: 10 GB), so nothing here
ever holds one. Sources are chained: windows → stitched view → original size → mean of
the views (test-time augmentation). Each says how many of its rows are `finished`, hands
out bands of those, and is told which rows nobody needs again. Windows are put together
in stitching.py.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.interpolation import (
    Floats,
    InterpolationWeights,
    interpolate_columns,
    interpolate_rows,
    interpolation_weights,
)
from ocrnet.zoo.spec import Size


class LogitsSource(Protocol):
    """Rows of logits of a picture of one size."""

    @property
    def size(self) -> Size:
        """The full size in pixels."""

    @property
    def finished(self) -> int:
        """So many rows from the top can be read."""

    def rows(self, top: int, bottom: int) -> Floats:
        """Return rows `top` to `bottom` (excluded): float32 (classes, bottom − top, width)."""

    def labels(self, top: int, bottom: int) -> LabelMap | None:
        """Return the first class with the largest value in rows, uint8 (bottom − top, width).

        None: this source knows no cheaper way to them than argmax over `rows`.
        """

    def release(self, row: int) -> None:
        """Rows above `row` will not be read again."""


class NetworkLogits:
    """Logits as the network gives them, at output stride: float32 (classes, h, w)."""

    def __init__(self, logits: Floats):
        self.logits = logits

    @property
    def size(self) -> Size:
        """As LogitsSource."""
        return Size(*self.logits.shape[1:])

    @property
    def finished(self) -> int:
        """As LogitsSource: all of them."""
        return self.size.height

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        return self.logits[:, top:bottom]

    def labels(self, top: int, bottom: int) -> None:
        """As LogitsSource: there is no cheaper way."""

    def release(self, row: int) -> None:
        """As LogitsSource; one network output is not worth cutting up."""


class ResizedLogits:
    """Another source, interpolated to `size`."""

    def __init__(self, source: LogitsSource, size: Size, *, align_corners: bool):
        self.source = source
        self.size = size
        self.align_corners = align_corners
        self._along = interpolation_weights(
            source.size.height, size.height, align_corners=align_corners
        )

    @property
    def finished(self) -> int:
        """As LogitsSource: rows whose lower neighbour in the source is finished."""
        return int(np.searchsorted(self._along.high, self.source.finished))

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        along = self._along
        band_rows = slice(top, bottom)
        low, high = along.low[band_rows], along.high[band_rows]
        first = int(low[0])
        band = self.source.rows(first, int(high[-1]) + 1)
        narrow = interpolate_rows(
            band, InterpolationWeights(low - first, high - first, along.weight[band_rows])
        )
        return interpolate_columns(narrow, self.size.width, align_corners=self.align_corners)

    def labels(self, top: int, bottom: int) -> None:
        """As LogitsSource: there is no cheaper way."""

    def release(self, row: int) -> None:
        """As LogitsSource."""
        if row < self.size.height:
            self.source.release(int(self._along.low[row]))


class FlippedLogits:
    """A source of a mirrored picture, its columns turned back."""

    def __init__(self, source: LogitsSource):
        self.source = source

    @property
    def size(self) -> Size:
        """As LogitsSource."""
        return self.source.size

    @property
    def finished(self) -> int:
        """As LogitsSource."""
        return self.source.finished

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        return self.source.rows(top, bottom)[:, :, ::-1]

    def labels(self, top: int, bottom: int) -> None:
        """As LogitsSource: there is no cheaper way."""

    def release(self, row: int) -> None:
        """As LogitsSource."""
        self.source.release(row)


class MeanProbabilities:
    """The mean over views of their softmax: rows of it are probabilities, not logits.

    As mmsegmentation's `SegTTAModel.merge_preds`. All views have the picture's own size.
    """

    def __init__(self, views: Sequence[LogitsSource]):
        self.views = views
        self.size = views[0].size

    @property
    def finished(self) -> int:
        """As LogitsSource: what every view has finished."""
        return min(view.finished for view in self.views)

    def rows(self, top: int, bottom: int) -> Floats:
        """Return float32 (classes, bottom − top, width); each pixel's sum to 1."""
        total = softmax(self.views[0].rows(top, bottom))
        for view in self.views[1:]:
            total += softmax(view.rows(top, bottom))
        total /= len(self.views)
        return total

    def labels(self, top: int, bottom: int) -> None:
        """As LogitsSource: there is no cheaper way."""

    def release(self, row: int) -> None:
        """As LogitsSource."""
        for view in self.views:
            view.release(row)


def softmax(logits: Floats) -> Floats:
    """Softmax over the first axis: (classes, h, w) → the same."""
    powers: Floats = np.exp(logits - logits.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers
