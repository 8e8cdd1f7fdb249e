"""Logits of overlapping windows, put together."""

from typing import Literal, NamedTuple

import numpy as np

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.interpolation import Floats
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.window_labels import suits, window_labels, with_borders
from ocrnet.inference.windows import Window, WindowPlan

Blend = Literal["uniform", "gaussian"]

_SIGMAS_PER_SIDE = 8
_SMALLEST_WEIGHT = 1e-3


class _Held(NamedTuple):
    window: Window
    bordered: Floats  # logits as window_labels takes them
    upsampled: ResizedLogits


class StitchedLogits:
    """A LogitsSource of windows: their logits upsampled, weighted, summed, divided by the weights.

    `uniform` is mmsegmentation's `slide_inference`: every window counts the same. `gaussian`
    trusts a window's middle more, after nnU-Net (Isensee et al., doi:10.1038/s41592-020-01008-z):
    σ is an eighth of the window's side, no weight is under 1e-3 of the middle's.

    Windows are added in the order of the plan; a row is finished once no later window touches
    it, and a window is dropped once all its rows are released: `WindowPlan.held_cells` says how
    much waits at most.
    """

    def __init__(self, plan: WindowPlan, *, blend: Blend, align_corners: bool):
        self.size = plan.picture
        self._plan = plan
        self._align_corners = align_corners
        self._held: list[_Held] = []
        self._added = 0
        # A single window is its own mean.
        self._alone = len(plan) == 1
        self._uniform = blend == "uniform"
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
        self._held.append(_Held(window, bordered, upsampled))
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
        if self._alone and self._held:
            return self._held[0].upsampled.rows(top, bottom)
        total: Floats | None = None
        weights: Floats = np.zeros((bottom - top, self.size.width), np.float32)
        for window, _, upsampled in self._held:
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
        self._held = [held for held in self._held if held.window.bottom > row]

    @property
    def has_labels(self) -> bool:
        """Whether `labels` may be asked for: every window counts the same, and none is small."""
        return self._uniform and suits(self._plan)

    def labels(self, top: int, bottom: int, output_stride: int) -> LabelMap:
        """The first class with the largest logit in finished rows, uint8 (bottom − top, width).

        Far cheaper than `rows`.
        """
        held = [(held.window, held.bordered) for held in self._held if held.window.bottom > top]
        return window_labels(
            held,
            self._plan,
            (top, bottom),
            output_stride=output_stride,
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
