"""A pinhole camera over a flat street. Metres: X right, Y up, Z ahead of the camera."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """focal, horizon and centre in pixels; camera_height in metres."""

    focal: float
    horizon: float
    centre: float
    camera_height: float

    @classmethod
    def draw(cls, rng: np.random.Generator, height: int, width: int) -> "Camera":
        """A random camera for a picture of that size."""
        return cls(
            focal=height * rng.uniform(0.9, 1.3),
            horizon=height * rng.uniform(0.36, 0.5),
            centre=width * rng.uniform(0.38, 0.62),
            camera_height=rng.uniform(1.3, 2.0),
        )

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Point in metres → (x, y) in pixels."""
        return (
            self.centre + self.focal * x / z,
            self.horizon - self.focal * (y - self.camera_height) / z,
        )

    def pixels_per_metre(self, z: float) -> float:
        """Scale of an upright thing at distance z."""
        return self.focal / z
