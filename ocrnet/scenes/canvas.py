"""A picture and its label map, always painted together."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes.camera import Point
from ocrnet.scenes.weather import Colour, Weather
from ocrnet.zoo.spec import load_labels

IGNORE = 255
CLASS = {name: index for index, name in enumerate(load_labels("cityscapes").names)}
CLASS["ignore"] = IGNORE

# OpenCV's own ellipses and thick lines go through floats that a compiler may fuse; polygons in
# sixteenths of a pixel are integers throughout. A circle in 4096ths is coarse enough for any libm.
_SHIFT = 4
_ANGLES = [math.pi * k / 12 for k in range(24)]
_CIRCLE = [(round(4096 * math.cos(a)) / 4096, round(4096 * math.sin(a)) / 4096) for a in _ANGLES]


# (shapes, corners, 2) x, y in pixels.
Outlines = Sequence[Sequence[Point]] | NDArray[np.float64]


class Canvas:
    """image: uint8 (height, width, 3), RGB; labels: uint8 (height, width), class indices.

    Colours are those of daylight near by: the weather's light and, with distance, its haze come
    over them here. What glows keeps its own colour.
    """

    def __init__(self, height: int, width: int, weather: Weather):
        self.height = height
        self.width = width
        self.weather = weather
        self.image: NDArray[np.uint8] = np.zeros((height, width, 3), np.uint8)
        self.labels: NDArray[np.uint8] = np.full((height, width), CLASS["sky"], np.uint8)
        self._haze = 0.0

    def go_to(self, z: float) -> None:
        """Paint at that distance from now on, in metres."""
        self._haze = self.weather.haze(z)

    def thin(self, pixels: float) -> float:
        """A width in pixels, given for a picture of 512 rows."""
        return pixels * self.height / 512

    def seen(self, colour: Colour, glows: bool = False) -> Colour:
        """The colour in this light and haze."""
        haze, fog = self._haze, self.weather.fog
        light = (1.0, 1.0, 1.0) if glows else self.weather.light
        return (
            min(colour[0] * light[0], 255.0) * (1 - haze) + fog[0] * haze,
            min(colour[1] * light[1], 255.0) * (1 - haze) + fog[1] * haze,
            min(colour[2] * light[2], 255.0) * (1 - haze) + fog[2] * haze,
        )

    def polygons(
        self,
        outlines_xy: Outlines,
        name: str | None,
        colour: Colour | None,
        glows: bool = False,
    ) -> None:
        """Fill polygons that do not overlap and have equally many corners.

        `name` None paints a detail of whatever is there already; `colour` None leaves what is
        seen through the thing.
        """
        if not len(outlines_xy):
            return
        # Far outside points would overflow OpenCV's fixed-point coordinates.
        far = 8.0 * self.width
        points = np.minimum(np.maximum(np.asarray(outlines_xy), -far), far)
        fixed = list(np.rint(points * (1 << _SHIFT)).astype(np.int32))
        if colour is not None:
            cv2.fillPoly(self.image, fixed, self.seen(colour, glows), shift=_SHIFT)
        if name is not None:
            cv2.fillPoly(self.labels, fixed, CLASS[name], shift=_SHIFT)

    def polygon(
        self,
        points_xy: Sequence[Point],
        name: str | None,
        colour: Colour | None,
        glows: bool = False,
    ) -> None:
        """Fill one polygon."""
        self.polygons([points_xy], name, colour, glows)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        name: str | None,
        colour: Colour,
        glows: bool = False,
    ) -> None:
        """Fill an upright rectangle."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(corners, name, colour, glows)

    def ellipse(
        self,
        x: float,
        y: float,
        radius_x: float,
        radius_y: float,
        name: str | None,
        colour: Colour,
        glows: bool = False,
    ) -> None:
        """Fill an upright ellipse."""
        self.polygon(ring(x, y, radius_x, radius_y), name, colour, glows)

    def lines(
        self,
        ends_xy: Sequence[tuple[Point, Point]],
        thickness: float,
        name: str | None,
        colour: Colour,
    ) -> None:
        """Draw thick lines, one after the other."""
        for start, end in ends_xy:
            self.polygon(_bar(start, end, thickness), name, colour)

    def line(
        self, start_xy: Point, end_xy: Point, thickness: float, name: str | None, colour: Colour
    ) -> None:
        """Draw a thick line, at least one pixel wide."""
        self.polygon(_bar(start_xy, end_xy, thickness), name, colour)

    def hairs(self, ends_xy: Outlines, colour: Colour) -> None:
        """Draw one pixel wide details, given as (start, end)."""
        far = 8.0 * self.width
        if len(ends_xy):
            ends = np.rint(np.clip(np.asarray(ends_xy), -far, far)).astype(np.int32)
            cv2.polylines(self.image, list(ends), False, self.seen(colour))


def ring(x: float, y: float, radius_x: float, radius_y: float) -> list[Point]:
    """The outline of an upright ellipse."""
    return [(x + radius_x * u, y + radius_y * v) for u, v in _CIRCLE]


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    red, green, blue = (min(max(value * factor, 0.0), 255.0) for value in colour)
    return red, green, blue


def _bar(start: Point, end: Point, thickness: float) -> list[Point]:
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = math.sqrt(along_x * along_x + along_y * along_y) or 1.0
    # The outline itself is painted, too: half a pixel on either side.
    half = max(thickness - 1, 0.0) / 2 / length
    x, y = -along_y * half, along_x * half
    return [
        (start[0] + x, start[1] + y),
        (end[0] + x, end[1] + y),
        (end[0] - x, end[1] - y),
        (start[0] - x, start[1] - y),
    ]
