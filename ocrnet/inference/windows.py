"""Where the windows of a sliding-window request lie, and what of the picture is in one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrnet.errors import InvalidOption
from ocrnet.zoo.spec import Size


@dataclass(frozen=True)
class Window:
    """A rectangle of the picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """One past the last row."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """One past the last column."""
        return self.left + self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index a picture with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return its part of a picture, uint8 (height, width, 3), as a view."""
        return image[self.slices]


@dataclass(frozen=True)
class Starts:
    """Where windows begin along one axis: every `stride` pixels, the last one at the end.

    Counted, never listed: a request may ask for millions before it is refused.
    """

    length: int
    window: int
    stride: int

    def __len__(self) -> int:
        return -(-(self.length - self.window) // self.stride) + 1

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return min(index * self.stride, self.length - self.window)

    def __iter__(self) -> Iterator[int]:
        return (self[index] for index in range(len(self)))

    @property
    def deepest(self) -> int:
        """At most so many windows lie over one pixel."""
        last = self.length - self.window
        regular = len(self) - 1
        # Over the last window's first pixel: itself, and the regular ones that start after
        # last − window.
        clear = max((last - self.window) // self.stride + 1, 0)
        return max(min(regular, -(-self.window // self.stride)), regular - clear + 1)


@dataclass(frozen=True)
class WindowPlan:
    """A full grid of windows of one size: `tops` × `lefts`."""

    picture: Size
    window: Size
    tops: Starts
    lefts: Starts

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def pending_cells(self, output_stride: int) -> int:
        """At most so many output cells of windows wait for their last row to be written.

        A row waits for every window over it, and one more row of windows arrives meanwhile.
        """
        rows = min(self.tops.deepest + 1, len(self.tops))
        return rows * len(self.lefts) * self.window_cells(output_stride)

    def window_cells(self, output_stride: int) -> int:
        """Output cells of one window."""
        return -(-self.window.height // output_stride) * -(-self.window.width // output_stride)

    def __iter__(self) -> Iterator[Window]:
        for top in self.tops:
            for left in self.lefts:
                yield Window(top, left, self.window.height, self.window.width)


def plan_windows(picture: Size, crop: Size, stride: Size) -> WindowPlan:
    """Lay windows over a picture as mmsegmentation's `slide_inference` does.

    The last row and column of windows move back inside; along a side on which the
    picture is smaller than the crop, the window is as long as the picture.

    Raises InvalidOption for a crop or stride that leaves pixels uncovered.
    """
    if crop.height < 1 or crop.width < 1:
        raise InvalidOption("crop", f"crop is {crop}: each side is at least 1 pixel")
    if not (1 <= stride.height <= crop.height and 1 <= stride.width <= crop.width):
        raise InvalidOption(
            "stride",
            f"stride is {stride}: each side is at least 1 and at most the crop's ({crop}), "
            "else pixels between two windows would have no label",
        )
    window = Size(min(crop.height, picture.height), min(crop.width, picture.width))
    return WindowPlan(
        picture,
        window,
        Starts(picture.height, window.height, stride.height),
        Starts(picture.width, window.width, stride.width),
    )
