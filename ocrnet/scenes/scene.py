"""A whole street scene from a seed: picture and exact label map.

A seed gives the same bytes on every machine, because a trained network is judged on these scenes
and tests pin them by checksum. So chance comes from `dice` alone; where things are is plain Python
float arithmetic (+, -, ×, ÷, √), which no compiler fuses or reorders; and every operation on pixels
is in whole numbers: OpenCV's polygons, 8-bit blur, look-up tables and exact resize, and NumPy's
integers. Floating-point pictures, NumPy's distributions and libm's functions all round by the
processor or the version, and stay out.

Positions are in metres, and what chance decides depends neither on the size in pixels nor on the
weather: a larger picture shows the same street, and fog or night leave the labels as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes import backdrop, ground, photograph
from ocrnet.scenes.buildings import building
from ocrnet.scenes.camera import Camera
from ocrnet.scenes.canvas import IGNORE, Canvas
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.layout import Street
from ocrnet.scenes.rows import fence, hedge, wall
from ocrnet.scenes.shadows import cast
from ocrnet.scenes.things import populate
from ocrnet.scenes.weather import Weather

_ROWS: dict[str, Callable[..., None]] = {
    "building": building,
    "wall": wall,
    "fence": fence,
    "hedge": hedge,
}


@dataclass(frozen=True)
class Scene:
    """image: uint8 (height, width, 3), RGB; labels: uint8 (height, width), 0 to 18 or 255."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def draw_scene(seed: int, height: int = 512, width: int = 1024) -> Scene:
    """Draw the scene of `seed` at any size of at least 32 by 32 pixels."""
    if height < 32 or width < 32:
        raise ValueError(f"a scene has at least 32x32 pixels, not {height}x{width}")
    dice = Dice(seed)
    weather = Weather.draw(dice)
    camera = Camera.draw(dice, height, width)
    street = Street.draw(dice)
    things = populate(dice, street)
    canvas = Canvas(height, width, weather)
    backdrop.sky(canvas, Dice(dice.seed()), camera)
    ground.ground(canvas, Dice(dice.seed()), camera, street)
    ground.surface(canvas, camera, cast(camera, weather, street, things))
    backdrop.skyline(canvas, Dice(dice.seed()), camera)
    for row in street.segments:
        if row.kind in _ROWS:
            _ROWS[row.kind](canvas, Dice(row.seed), camera, row)
    for thing in things:
        thing.paint(canvas, camera)
    drops = Dice(dice.seed())
    if weather.rain:
        photograph.wet(canvas, camera)
        photograph.rain(canvas, drops)
    _bonnet(canvas, Dice(dice.seed()))
    return Scene(photograph.photograph(canvas.image, Dice(dice.seed())), canvas.labels)


def _bonnet(c: Canvas, dice: Dice) -> None:
    """The bonnet of the car that carries the camera, in some scenes."""
    if dice.chance(0.25):
        high = c.height * dice.uniform(0.03, 0.1)
        c.go_to(0)
        for name, size, colour in (("ignore", 2.0, (24, 24, 28)), (None, 1.7, (34, 34, 40))):
            c.ellipse(c.width / 2, c.height + high, c.width * 0.6, size * high, name, colour)


__all__ = ["IGNORE", "Scene", "draw_scene"]
