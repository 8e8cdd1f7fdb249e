"""The sky and the far skyline."""

import numpy as np

from ocrnet.scenes.camera import Camera
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import LIT, MASONRY, pick
from ocrnet.scenes.dice import Dice


def sky(c: Canvas, dice: Dice, camera: Camera) -> None:
    """A vertical gradient, and clouds or a moon."""
    top = np.array([int(value) for value in c.weather.sky_top])
    low = np.array([int(value) for value in c.weather.sky_low])
    end = int(camera.horizon) + 1
    rows = np.arange(end + 2)[:, None].clip(0, end)
    ramp = np.clip(top + (low - top) * rows // end, 0, 255).astype(np.uint8)
    c.image[: end + 2] = np.tile(ramp, (1, c.width)).reshape(end + 2, c.width, 3)
    bright = 0.5 * (c.weather.sky_low[0] + c.weather.sky_low[1]) / max(c.weather.light[0], 0.3)
    for _ in range(2 + dice.integer(6) if c.weather.cloudy else 0):
        x, y = dice.uniform(0, c.width), dice.uniform(0, camera.horizon * 0.8)
        for _ in range(6):
            spread = c.height * dice.uniform(0.02, 0.06)
            grey = bright * dice.uniform(0.86, 1.06)
            at = (x + dice.uniform(-2.5, 2.5) * spread, y + dice.uniform(-0.5, 0.5) * spread)
            c.ellipse(*at, spread * 1.9, spread * 0.5, None, (grey, grey, grey * 1.02))
    if c.weather.dark and dice.chance(0.3):
        at = (dice.uniform(0, c.width), dice.uniform(0.1, 0.4) * camera.horizon)
        c.ellipse(*at, c.thin(9), c.thin(9), None, (235, 232, 214), glows=True)


def skyline(c: Canvas, dice: Dice, camera: Camera) -> None:
    """Far houses and trees on the horizon."""
    c.go_to(70)
    x = -0.05 * c.width
    while x < c.width:
        wide, high = c.height * dice.uniform(0.06, 0.2), c.height * dice.uniform(0.03, 0.13)
        if dice.chance(0.6):
            colour = shade(pick(dice, MASONRY), 0.85)
            top = camera.horizon - high
            c.box(x, top, x + wide, camera.horizon + 2, "building", colour)
            pane = wide / 11
            panes = [
                [(x + pane * (2 * k + 1), y), (x + pane * (2 * k + 2), y),
                 (x + pane * (2 * k + 2), y + pane), (x + pane * (2 * k + 1), y + pane)]
                for k in range(5)
                for y in (top + pane, top + pane * 3)
            ]  # fmt: skip
            c.polygons(panes, None, LIT if c.weather.dark else shade(colour, 0.7), c.weather.dark)
        else:
            for k in range(5):
                green = shade((80, 108, 72), dice.uniform(0.8, 1.1))
                at = (x + wide * k / 5, camera.horizon - high * 0.3)
                c.ellipse(*at, wide * 0.2, high * 0.45, "vegetation", green)
        x += wide * dice.uniform(0.7, 1.1)
