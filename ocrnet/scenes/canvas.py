"""A picture and its label map, always painted together."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.zoo.spec import load_labels

IGNORE = 255
CLASS = {name: index for index, name in enumerate(load_labels("cityscapes").names)}
CLASS["ignore"] = IGNORE

Colour = tuple[float, float, float]


class Canvas:
    """image: uint8 (height, width, 3), RGB; labels: uint8 (height, width), class indices."""

    def __init__(self, height: int, width: int):
        self.height = height
        self.width = width
        self.image: NDArray[np.uint8] = np.zeros((height, width, 3), np.uint8)
        self.labels: NDArray[np.uint8] = np.full((height, width), CLASS["sky"], np.uint8)

    def polygon(
        self, points_xy: list[tuple[float, float]], name: str | None, colour: Colour
    ) -> None:
        """Fill a polygon; `name` None paints a detail of whatever is there already."""
        # Far outside points would overflow OpenCV's fixed-point coordinates.
        points = np.clip(np.rint(np.array(points_xy)), -8 * self.width, 8 * self.width)
        cv2.fillPoly(self.image, [points.astype(np.int32)], colour)
        if name is not None:
            cv2.fillPoly(self.labels, [points.astype(np.int32)], CLASS[name])

    def box(
        self, left: float, top: float, right: float, bottom: float, name: str | None, colour: Colour
    ) -> None:
        """Fill an upright rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], name, colour)

    def ellipse(
        self, x: float, y: float, radius_x: float, radius_y: float, name: str | None, colour: Colour
    ) -> None:
        """Fill an upright ellipse."""
        if not (-4 * self.width < x < 5 * self.width and -4 * self.width < y < 5 * self.width):
            return
        centre = (round(x), round(y))
        axes = (max(round(radius_x), 1), max(round(radius_y), 1))
        cv2.ellipse(self.image, centre, axes, 0, 0, 360, colour, -1)
        if name is not None:
            cv2.ellipse(self.labels, centre, axes, 0, 0, 360, CLASS[name], -1)

    def line(
        self,
        start_xy: tuple[float, float],
        end_xy: tuple[float, float],
        thickness: float,
        name: str | None,
        colour: Colour,
    ) -> None:
        """Draw a thick line, at least one pixel wide."""
        start, end = ((round(x), round(y)) for x, y in (start_xy, end_xy))
        width = max(round(thickness), 1)
        cv2.line(self.image, start, end, colour, width)
        if name is not None:
            cv2.line(self.labels, start, end, CLASS[name], width)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    red, green, blue = (min(max(value * factor, 0.0), 255.0) for value in colour)
    return red, green, blue
