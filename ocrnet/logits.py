"""Logits of a whole picture, read a band of rows at a time.

A full-size logits map is large (150 classes at 16 megapixels: 10 GB), so nothing here
ever holds one. Sources are chained: windows → stitched picture → original size. Each
says how many of its rows are `finished`, hands out bands of those, and is told which
rows nobody needs again.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrnet.interpolation import Floats, Taps, interpolate_columns, interpolate_rows, taps
from ocrnet.windows import Window, WindowPlan
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


class StitchedLogits:
    """Windows put together: their logits upsampled, summed, divided by how many overlap.

    As mmsegmentation's `slide_inference`. Windows are added in the order of the plan;
    a row is finished once no later window touches it, and a window is dropped once all
    its rows are released: `WindowPlan.held_cells` says how much waits at most.
    """

    def __init__(self, plan: WindowPlan, *, align_corners: bool):
        self.size = plan.picture
        self._plan = plan
        self._align_corners = align_corners
        self._held: list[tuple[Window, ResizedLogits]] = []
        self._added = 0
        self._count_rows = _overlaps(plan.tops, plan.window.height, self.size.height)
        self._count_columns = _overlaps(plan.lefts, plan.window.width, self.size.width)

    def add(self, window: Window, logits: Floats) -> None:
        """Add the next window of the plan: float32 (classes, h, w) at output stride."""
        size = Size(window.height, window.width)
        upsampled = ResizedLogits(NetworkLogits(logits), size, align_corners=self._align_corners)
        self._held.append((window, upsampled))
        self._added += 1

    @property
    def finished(self) -> int:
        """As LogitsSource."""
        rows_of_windows = self._added // len(self._plan.lefts)
        if rows_of_windows == len(self._plan.tops):
            return self.size.height
        return self._plan.tops[rows_of_windows]

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        total: Floats | None = None
        for window, logits in self._held:
            first, last = max(top, window.top), min(bottom, window.bottom)
            if first >= last:
                continue
            part = logits.rows(first - window.top, last - window.top)
            if total is None:
                total = np.zeros((len(part), bottom - top, self.size.width), np.float32)
            total[:, first - top : last - top, window.left : window.right] += part
        if total is None:
            raise ValueError(f"rows {top} to {bottom} are not there: released, or not added yet")
        count = self._count_rows[top:bottom, None] * self._count_columns
        if count.max() > 1:
            total /= count
        return total

    def release(self, row: int) -> None:
        """As LogitsSource."""
        self._held = [(window, part) for window, part in self._held if window.bottom > row]


def _overlaps(starts: tuple[int, ...], length: int, total: int) -> Floats:
    """How many windows cover each position along one axis: (total,)."""
    count: NDArray[np.float32] = np.zeros(total, np.float32)
    for start in starts:
        count[start : start + length] += 1
    return count
