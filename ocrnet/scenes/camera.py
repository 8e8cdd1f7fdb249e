"""A pinhole camera over a flat street. Metres: X right, Y up, Z ahead of the camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes.dice import Dice

Point = tuple[float, float]  # x, y in pixels
Spot = tuple[float, float, float]  # X, Y, Z in metres


@dataclass(frozen=True)
class Camera:
    """focal, horizon and centre in pixels; camera_height in metres."""

    focal: float
    horizon: float
    centre: float
    camera_height: float

    @classmethod
    def draw(cls, dice: Dice, height: int, width: int) -> "Camera":
        """A random camera for a picture of that size."""
        return cls(
            focal=height * dice.uniform(0.95, 1.3),
            horizon=height * dice.uniform(0.36, 0.48),
            centre=width * dice.uniform(0.4, 0.6),
            camera_height=dice.uniform(1.3, 2.0),
        )

    def project(self, x: float, y: float, z: float) -> Point:
        """Point in metres → (x, y) in pixels."""
        scale = self.focal / z
        return self.centre + scale * x, self.horizon - scale * (y - self.camera_height)

    def depth(self, row: float) -> float:
        """Z of the ground at a row below the horizon."""
        return self.focal * self.camera_height / (row - self.horizon)


@dataclass(frozen=True)
class Place:
    """Where a thing stands, X and Z in metres, and what that is in the picture."""

    camera: Camera
    x: float
    z: float

    @property
    def scale(self) -> float:
        """Pixels per metre of an upright thing here."""
        return self.camera.focal / self.z

    @property
    def foot(self) -> Point:
        """The foot point in pixels."""
        return self.camera.project(self.x, 0, self.z)


class Face:
    """A flat four-cornered surface in space, addressed by u along and v up it, 0 to 1."""

    def __init__(self, camera: Camera, corners: tuple[Spot, Spot, Spot, Spot]):
        """Corners: (u, v) = (0, 0), (1, 0), (1, 1), (0, 1)."""
        self._camera = camera
        # X, Y and Z are each p + q·u + r·v + s·u·v.
        self._terms = [
            (a, b - a, d - a, a - b + c - d) for a, b, c, d in zip(*corners, strict=True)
        ]

    def point(self, u: float, v: float) -> Point:
        """(u, v) → (x, y) in pixels."""
        x, y, z = (p + q * u + r * v + s * (u * v) for p, q, r, s in self._terms)
        return self._camera.project(x, y, z)

    def points(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for whole arrays: (…) and (…) → (…, 2)."""
        x, y, z = (p + q * u + r * v + s * (u * v) for p, q, r, s in self._terms)
        scale, camera = self._camera.focal / z, self._camera
        at_y = camera.horizon - scale * (y - camera.camera_height)
        return np.stack([camera.centre + scale * x, at_y], -1)

    def patches(self, parts: Sequence[tuple[float, float, float, float]]) -> NDArray[np.float64]:
        """The corners of many parts (left, low, right, high): (parts, 4, 2) in pixels."""
        left, low, right, high = np.array(parts).reshape(-1, 4).T
        u, v = np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)
        return self.points(u, v)

    def patch(
        self, left: float = 0, low: float = 0, right: float = 1, high: float = 1
    ) -> list[Point]:
        """The corners of a part of it, in pixels."""
        return [
            self.point(left, low),
            self.point(right, low),
            self.point(right, high),
            self.point(left, high),
        ]


def upright(camera: Camera, start_xz: Point, end_xz: Point, low: float, high: float) -> Face:
    """The face that stands on a line of the ground, between two heights."""
    (x, z), (end_x, end_z) = start_xz, end_xz
    return Face(camera, ((x, low, z), (end_x, low, end_z), (end_x, high, end_z), (x, high, z)))
