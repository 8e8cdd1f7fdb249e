"""Logits of a whole picture, read a band of rows at a time.

A full-size logits map is large (150 classes at 16 megapixels: 10 GB), so nothing here
ever holds one. Sources are chained: windows → stitched view → original size
→ mean of the views. Each
says how many of its rows are `finished`, hands out bands of those, and is told which
rows nobody needs again. Windows are put together in stitching.py, views in views.py.
"""

from typing import Protocol

import numpy as np

from ocrnet.inference.interpolation import Floats, Taps, interpolate_columns, interpolate_rows, taps
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

    def release(self, row: int) -> None:
        """As LogitsSource; one network output is not worth cutting up."""


class ResizedLogits:
    """Another source, interpolated to `size`."""

    def __init__(self, source: LogitsSource, size: Size, *, align_corners: bool):
        self.source = source
        self.size = size
        self.align_corners = align_corners
        self._taps = taps(source.size.height, size.height, align_corners=align_corners)

    @property
    def finished(self) -> int:
        """As LogitsSource: rows whose lower neighbour in the source is finished."""
        return int(np.searchsorted(self._taps.high, self.source.finished))

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        along = self._taps
        band_rows = slice(top, bottom)
        low, high = along.low[band_rows], along.high[band_rows]
        first = int(low[0])
        band = self.source.rows(first, int(high[-1]) + 1)
        narrow = interpolate_rows(band, Taps(low - first, high - first, along.weight[band_rows]))
        return interpolate_columns(narrow, self.size.width, align_corners=self.align_corners)

    def release(self, row: int) -> None:
        """As LogitsSource."""
        if row < self.size.height:
            self.source.release(int(self._taps.low[row]))
