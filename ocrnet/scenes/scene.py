"""A whole street scene from a seed: picture and exact label map."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes import people, roadside, street, vehicles
from ocrnet.scenes.camera import Camera
from ocrnet.scenes.canvas import IGNORE, Canvas

Thing = Callable[[Canvas, np.random.Generator, float, float, float], None]


@dataclass(frozen=True)
class Scene:
    """image: uint8 (height, width, 3), RGB; labels: uint8 (height, width), 0 to 18 or 255."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class _Placing:
    """Where a kind of thing stands: how many (Poisson), X between two offsets, Z in metres.

    The offsets count from the road's edge outwards, in metres; `on_road` counts from the middle.
    """

    draw: Thing
    mean_count: float
    near: float
    far: float
    inner: float
    outer: float
    on_road: bool = False


_PLACINGS = (
    _Placing(roadside.tree, 3.0, 7, 60, 1.5, 12),
    _Placing(roadside.bush, 1.5, 6, 30, 3, 10),
    _Placing(roadside.pole, 4.0, 4.5, 30, 0.2, 2.6),
    _Placing(people.person, 3.5, 4, 25, 0.3, 3.5),
    _Placing(people.person, 0.7, 6, 25, 0, 0.8, on_road=True),
    _Placing(people.bicycle, 1.0, 4, 14, 0.2, 3.0),
    _Placing(people.motorcycle, 1.1, 4, 14, -1.2, 2.0),
    _Placing(people.rider_on, 1.3, 4.5, 18, -2.5, -0.4),
    _Placing(vehicles.car, 2.2, 6, 45, -2.2, -1.0),
    _Placing(vehicles.car, 1.2, 7, 45, 0.1, 0.8, on_road=True),
    _Placing(vehicles.truck, 0.7, 9, 32, 0.1, 0.9, on_road=True),
    _Placing(vehicles.bus, 0.65, 9, 32, 0.1, 0.9, on_road=True),
    _Placing(vehicles.train, 0.65, 14, 38, 2, 14),
)


def draw_scene(seed: int, height: int = 512, width: int = 1024) -> Scene:
    """Draw the scene of `seed` at any size of at least 32 by 32 pixels."""
    if height < 32 or width < 32:
        raise ValueError(f"a scene has at least 32x32 pixels, not {height}x{width}")
    rng = np.random.default_rng(seed)
    canvas = Canvas(height, width)
    camera = Camera.draw(rng, height, width)
    road = rng.uniform(3.0, 6.5)
    walk = road + rng.uniform(1.2, 4.0)
    street.sky(canvas, rng, camera)
    street.ground(canvas, rng, camera, road, walk)
    street.skyline(canvas, rng, camera)
    for side in (-1, 1):
        street.roadside(canvas, rng, camera, side, walk)
    _populate(canvas, rng, camera, road)
    if rng.random() < 0.25:  # the bonnet of the car that carries the camera
        top = height * rng.uniform(0.9, 0.97)
        canvas.ellipse(
            width / 2,
            height + (height - top),
            width * 0.6,
            2 * (height - top),
            "ignore",
            (24, 24, 28),
        )
    return Scene(_photograph(canvas.image, rng), canvas.labels)


def _populate(canvas: Canvas, rng: np.random.Generator, camera: Camera, road: float) -> None:
    standing: list[tuple[float, float, Thing]] = []
    for placing in _PLACINGS:
        for _ in range(int(rng.poisson(placing.mean_count))):
            # Uniform in 1/Z is uniform over the picture's rows.
            z = 1 / rng.uniform(1 / placing.far, 1 / placing.near)
            offset = rng.uniform(placing.inner, placing.outer)
            side = 1 if rng.random() < 0.5 else -1
            x = side * (offset * road if placing.on_road else road + offset)
            standing.append((z, x, placing.draw))
    for z, x, draw in sorted(standing, key=lambda thing: -thing[0]):
        foot_x, foot_y = camera.project(x, 0, z)
        if -0.3 * canvas.width < foot_x < 1.3 * canvas.width:
            draw(canvas, rng, foot_x, foot_y, camera.pixels_per_metre(z))


def _photograph(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light, texture, blur and noise of a camera."""
    height, width = image.shape[:2]
    picture = image.astype(np.float32)
    # Blotches of light and dirt, coarse and fine, over everything.
    for cells, strength in ((6, 0.10), (40, 0.07), (200, 0.06)):
        rows = max(cells * height // max(height, width), 2)
        field = rng.normal(1.0, strength, (rows, cells)).astype(np.float32)
        picture *= cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    cast = rng.uniform(0.9, 1.1, 3).astype(np.float32) * np.float32(rng.uniform(0.65, 1.2))
    picture *= cast
    picture[:] = cv2.GaussianBlur(
        picture, (0, 0), sigmaX=float(rng.uniform(0.4, 0.9)) * height / 512 + 0.2
    )
    picture += rng.normal(0, rng.uniform(1.5, 6.0), (height, width, 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


__all__ = ["IGNORE", "Scene", "draw_scene"]
