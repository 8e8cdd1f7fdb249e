"""Logits of overlapping windows, put together; and their label map, summed without upsampling.

Upsampling is linear: where the output cells of windows lie on one grid, the sum of their upsampled
logits is the upsampled sum. Its winner, which is that of their mean too, follows by convexity
(argmax.py). Window borders cut the picture into rectangles, over each of which the windows are the
same; where a rectangle is at a window's border, that window's last row of logits is repeated, which
is what upsampling the window alone does there.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from ocrnet.inference.argmax import LabelMap, argmax_classes, interpolated_argmax
from ocrnet.inference.interpolation import Floats, InterpolationWeights, interpolation_weights
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.windows import Starts, Window, WindowPlan

Blend = Literal["uniform", "gaussian"]

_SIGMAS_PER_SIDE = 8
_SMALLEST_WEIGHT = 1e-3
# Smaller rectangles on average are slower than upsampling.
_LEAST_PIXELS = 1 << 13
_LARGEST_SUM = 10 * 2**20 // 4  # float32 values


class _PendingWindow(NamedTuple):
    window: Window
    bordered: Floats  # logits as window_labels takes them
    upsampled: ResizedLogits


class StitchedLogits:
    """A LogitsSource of windows: their logits upsampled, weighted, summed, divided by the weights.

    `uniform` is mmsegmentation's `slide_inference`: every window counts the same. `gaussian`
    trusts a window's middle more, after nnU-Net (Isensee et al., doi:10.1038/s41592-020-01008-z):
    σ is an eighth of the window's side, no weight is under 1e-3 of the middle's.

    Windows are added in the order of the plan; a row is finished once no later window touches
    it, and a window is dropped once all its rows are released: `WindowPlan.pending_cells` says how
    much waits at most.
    """

    def __init__(self, plan: WindowPlan, *, blend: Blend, output_stride: int, align_corners: bool):
        """output_stride, align_corners: the network's, of the logits that are added."""
        self.size = plan.picture
        self._plan = plan
        self._output_stride = output_stride
        self._align_corners = align_corners
        self._pending: list[_PendingWindow] = []
        self._added = 0
        # A single window is its own mean.
        self._alone = len(plan) == 1
        self._uniform = blend == "uniform"
        self._sums_labels = self._uniform and suits(plan)
        height, width = plan.window.height, plan.window.width
        self._weights: Floats = (
            np.ones((height, width), np.float32)
            if self._uniform
            else gaussian_weights(height, width)
        )

    def add(self, window: Window, logits: Floats) -> None:
        """Add the next window of the plan: float32 (classes, h, w) at output stride."""
        bordered = with_borders(logits)
        source = NetworkLogits(bordered[:, 1:-1, 1:-1])  # so that they are held once
        upsampled = ResizedLogits(source, self._plan.window, align_corners=self._align_corners)
        self._pending.append(_PendingWindow(window, bordered, upsampled))
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
        if self._alone and self._pending:
            return self._pending[0].upsampled.rows(top, bottom)
        total: Floats | None = None
        weights: Floats = np.zeros((bottom - top, self.size.width), np.float32)
        for window, _, upsampled in self._pending:
            first, last = max(top, window.top), min(bottom, window.bottom)
            if first >= last:
                continue
            part = upsampled.rows(first - window.top, last - window.top)
            weight = self._weights[first - window.top : last - window.top]
            if total is None:
                total = np.zeros((len(part), *weights.shape), np.float32)
            rows, columns = slice(first - top, last - top), slice(window.left, window.right)
            total[:, rows, columns] += part if self._uniform else part * weight
            weights[rows, columns] += weight
        if total is None:
            raise ValueError(f"rows {top} to {bottom} are not there: released, or not added yet")
        if not (self._uniform and weights.max() == 1):
            total /= weights
        return total

    def release(self, row: int) -> None:
        """As LogitsSource."""
        self._pending = [one for one in self._pending if one.window.bottom > row]

    def labels(self, top: int, bottom: int) -> LabelMap | None:
        """As LogitsSource: where every window counts the same, and none is small.

        Far cheaper than `rows`.
        """
        if not self._sums_labels:
            return None
        pending = [(one.window, one.bordered) for one in self._pending if one.window.bottom > top]
        return window_labels(
            pending,
            self._plan,
            (top, bottom),
            output_stride=self._output_stride,
            align_corners=self._align_corners,
        )


def gaussian_weights(height: int, width: int) -> Floats:
    """Weights of a window's pixels, 1 in the middle: float32 (height, width)."""

    def along(side: int) -> Floats:
        sigma = side / _SIGMAS_PER_SIDE
        distance: Floats = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / np.float32(sigma)
        bell: Floats = np.exp(-distance * distance / 2)
        return bell

    weights: Floats = np.maximum(
        along(height)[:, None] * along(width), np.float32(_SMALLEST_WEIGHT)
    )
    return weights


@dataclass(frozen=True)
class _Along:
    """How one window's logits meet some pixels of one axis.

    cells: the window's that are needed, counted from one before its first; along: from those to the
    pixels. phase: the same for windows whose cells are on one grid.
    """

    phase: int
    cells: slice
    along: InterpolationWeights


def suits(plan: WindowPlan) -> bool:
    """Whether the windows' borders leave rectangles that are large enough."""
    rows, columns = 2 * len(plan.tops) - 1, 2 * len(plan.lefts) - 1
    return plan.picture.pixels >= _LEAST_PIXELS * rows * columns


def with_borders(logits: Floats) -> Floats:
    """Repeat the first and last row and column: (classes, h, w) → (classes, h + 2, w + 2)."""
    padded: Floats = np.empty((len(logits), logits.shape[1] + 2, logits.shape[2] + 2), np.float32)
    padded[:, 1:-1, 1:-1] = logits
    padded[:, 1:-1, 0], padded[:, 1:-1, -1] = logits[:, :, 0], logits[:, :, -1]
    padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
    return padded


def window_labels(
    pending: Sequence[tuple[Window, Floats]],
    plan: WindowPlan,
    rows: tuple[int, int],
    *,
    output_stride: int,
    align_corners: bool,
) -> LabelMap:
    """Return argmax over classes of the windows' mean: uint8 (rows, width of the picture).

    pending: all windows over the rows, each with its logits `with_borders`. rows: the first and one
    past the last.
    """
    top, bottom = rows
    labels: LabelMap = np.empty((bottom - top, plan.picture.width), np.uint8)
    grid = _Grid(output_stride, align_corners)
    classes = len(pending[0][1])
    for left, right in _spans(plan.lefts, 0, plan.picture.width):
        most = max(1, _LARGEST_SUM * output_stride**2 // (classes * (right - left)))
        for first, last in _spans(plan.tops, top, bottom, most):
            over = [
                (window, logits)
                for window, logits in pending
                if window.top <= first < window.bottom and window.left <= left < window.right
            ]
            labels[first - top : last - top, left:right] = grid.winners(
                over, (first, last), (left, right)
            )
    return labels


def _spans(starts: Starts, first: int, last: int, most: int = 2**31) -> Iterator[tuple[int, int]]:
    """Pieces of an axis, none longer than `most`, in which no window begins or ends."""
    edges = sorted({*starts, *(start + starts.window for start in starts), first, last})
    edges = edges[bisect_left(edges, first) : bisect_left(edges, last) + 1]
    for begin, end in pairwise(edges):
        for at in range(begin, end, most):
            yield at, min(at + most, end)


class _Grid:
    """Finds the winners of one rectangle."""

    def __init__(self, output_stride: int, align_corners: bool):
        self._stride = output_stride
        self._align_corners = align_corners

    def winners(
        self, over: list[tuple[Window, Floats]], rows: tuple[int, int], columns: tuple[int, int]
    ) -> LabelMap:
        """over: the windows over all of the rectangle → uint8 (rows, columns)."""
        sums: dict[tuple[int, int], tuple[Floats, InterpolationWeights, InterpolationWeights]] = {}
        for window, logits in over:
            y = self._along(rows, window.top, window.height, logits.shape[1] - 2)
            x = self._along(columns, window.left, window.width, logits.shape[2] - 2)
            part = logits[:, y.cells, x.cells]
            phase = y.phase, x.phase
            if phase in sums:
                part = sums[phase][0] + part
            sums[phase] = part, y.along, x.along
        if len(sums) == 1:
            return interpolated_argmax(*next(iter(sums.values())))
        labels: LabelMap = np.empty((rows[1] - rows[0], columns[1] - columns[0]), np.uint8)
        # Upsampled rows, a few at a time.
        step = max(1, _LARGEST_SUM // (len(over[0][1]) * labels.shape[1]))
        for first in range(0, len(labels), step):
            some = slice(first, first + step)
            parts = [_upsampled(logits, y, x, some) for logits, y, x in sums.values()]
            labels[some] = argmax_classes(np.add.reduce(parts))
        return labels

    def _along(self, pixels: tuple[int, int], start: int, length: int, cells: int) -> _Along:
        """pixels: first and one past the last; start, length: the window's; cells: its logits."""
        first, last = pixels[0] - start, pixels[1] - start
        if length != cells * self._stride or self._align_corners:
            return self._along_alone(first, last, start, length, cells)
        middle = np.arange(first, last, dtype=np.float32) + np.float32(0.5)
        source: Floats = middle / np.float32(self._stride) - np.float32(0.5)
        low = np.floor(source).astype(np.intp)
        lowest, highest = int(low[0]), int(low[-1]) + 1
        along = InterpolationWeights(
            low - lowest, low - lowest + 1, source - low.astype(np.float32)
        )
        return _Along(start % self._stride, slice(lowest + 1, highest + 2), along)

    def _along_alone(self, first: int, last: int, start: int, length: int, cells: int) -> _Along:
        """Of a window whose cells, not as wide as the output stride, meet only its neighbours'."""
        full = interpolation_weights(cells, length, align_corners=self._align_corners)
        low, high = full.low[first:last], full.high[first:last]
        lowest = int(low[0])
        along = InterpolationWeights(low - lowest, high - lowest, full.weight[first:last])
        return _Along(-1 - start, slice(lowest + 1, int(high[-1]) + 2), along)


def _upsampled(
    logits: Floats, along_y: InterpolationWeights, along_x: InterpolationWeights, rows: slice
) -> Floats:
    """(classes, h, w) → some rows of (classes, height, width)."""
    low, high, weight = along_y.low[rows], along_y.high[rows], along_y.weight[rows, None]
    down = logits[:, low] * (1 - weight) + logits[:, high] * weight
    found: Floats = down[:, :, along_x.low] * (1 - along_x.weight)
    found += down[:, :, along_x.high] * along_x.weight
    return found
