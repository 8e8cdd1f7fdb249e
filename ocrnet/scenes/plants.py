"""Trees and bushes; trunk, crown and leaves are all vegetation."""

import numpy as np

from ocrnet.scenes.camera import Place
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour

_LEAF = np.array([(-1.3, 0.0), (-0.5, -0.9), (0.7, -0.8), (1.3, 0.0), (0.6, 0.9), (-0.7, 0.8)])


def tree(c: Canvas, dice: Dice, place: Place) -> None:
    """A tree: a forked trunk and a crown of clumps, or a slim conifer or poplar."""
    (x, y), m = place.foot, place.scale
    tall, spread = m * dice.uniform(4.0, 8.5), m * dice.uniform(1.2, 2.3)
    bark, wide = shade((88, 72, 56), dice.uniform(0.6, 1.1)), m * dice.uniform(0.13, 0.2)
    green = shade(dice.choice([(62, 96, 42), (84, 104, 44), (52, 86, 54), (128, 100, 40)]),
                  dice.uniform(0.65, 1.25))  # fmt: skip
    c.polygon([(x - wide, y), (x + wide, y), (x + wide * 0.5, y - tall * 0.6),
               (x - wide * 0.5, y - tall * 0.6)], "vegetation", bark)  # fmt: skip
    for side in (-1, 1):
        tip = (x + side * spread * 0.5, y - tall * 0.68)
        c.line((x, y - tall * 0.38), tip, wide * 0.9, "vegetation", bark)
    slim = dice.chance(0.2)
    clumps = []
    for k in range(13):
        height = 0.42 + 0.52 * k / 12 if slim else dice.uniform(0.5, 0.92)
        reach = (
            spread * (1.1 - height) * 1.2 if slim else spread * (1.05 - abs(height - 0.68) * 1.6)
        )
        size = spread * (1.12 - height if slim else dice.uniform(0.3, 0.5))
        at = x + dice.uniform(-0.7, 0.7) * reach, y - tall * height
        clumps.append((*at, size))
    _crown(c, dice, clumps, green)


def bush(c: Canvas, dice: Dice, place: Place) -> None:
    """A bush at knee to head height."""
    (x, y), m = place.foot, place.scale
    green = shade((70, 104, 48), dice.uniform(0.6, 1.25))
    clumps = []
    for k in range(7):
        size = m * dice.uniform(0.35, 0.7)
        clumps.append((x + (k - 3) * m * 0.38, y - size * 0.85, size))
    _crown(c, dice, clumps, green)


def _crown(c: Canvas, dice: Dice, clumps: list[tuple[float, float, float]], green: Colour) -> None:
    for x, y, size in clumps:
        c.ellipse(x, y, size, size * 0.85, "vegetation", shade(green, dice.uniform(0.72, 0.92)))
    for factor, lean in ((0.62, -0.3), (1.15, 0.3), (1.4, 0.45)):
        leaves = []
        for x, y, size in clumps:
            for _ in range(5):
                at = x + dice.uniform(-0.9, 0.9) * size
                leaf = size * dice.uniform(0.07, 0.17)
                at_y = y + (dice.uniform(-0.6, 0.6) - lean) * size
                leaves.append((at, at_y, leaf))
        middles = np.array(leaves)
        outlines = middles[:, None, :2] + middles[:, None, 2:] * _LEAF
        c.polygons(outlines, "vegetation", shade(green, factor))
