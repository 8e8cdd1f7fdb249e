"""Posts beside the road and what hangs on them: lamps, traffic lights and signs."""

from ocrnet.scenes.camera import Place
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import WHITE, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour

_RED: Colour = (200, 28, 34)
_BLUE: Colour = (30, 80, 175)
_STEEL: list[Colour] = [(128, 128, 126), (70, 76, 74), (168, 168, 164), (96, 92, 84)]


def _post(c: Canvas, dice: Dice, place: Place, tall: float) -> tuple[float, float, Colour]:
    """Paint a post of that height in metres; return its top in pixels and its colour."""
    (x, y), m = place.foot, place.scale
    grey = pick(dice, _STEEL)
    half = max(m * dice.uniform(0.085, 0.13), c.thin(1.5))
    top = y - tall * m
    c.box(x - half, top, x + half, y, "pole", grey)
    c.box(x + half * 0.3, top, x + half, y, None, shade(grey, 0.7))
    c.box(x - half * 1.5, y - m * 0.5, x + half * 1.5, y, "pole", shade(grey, 0.85))
    return top, half, grey


def lamp_post(c: Canvas, dice: Dice, place: Place) -> None:
    """A street lamp on an arm, or a bare post with a top; lit in the dark."""
    (x, _), m = place.foot, place.scale
    top, half, grey = _post(c, dice, place, dice.uniform(4.2, 6.5))
    reach = -m * dice.uniform(0.9, 1.7) * (1 if place.x > 0 else -1)
    if dice.chance(0.3):
        reach = 0.0
    c.line((x, top), (x + reach, top - m * 0.2), half * 1.7, "pole", grey)
    wide, high = max(m * 0.4, c.thin(4)), max(m * 0.16, c.thin(2.5))
    c.ellipse(x + reach, top - m * 0.2, wide, high, "pole", shade(grey, 0.8))
    bulb = (255, 226, 160) if c.weather.dark else (220, 220, 214)
    c.ellipse(x + reach, top - m * 0.16, wide * 0.7, high * 0.55, None, bulb, c.weather.dark)


def traffic_light(c: Canvas, dice: Dice, place: Place) -> None:
    """One or two heads with three lamps, on a post or on its arm over the road."""
    (x, _), m = place.foot, place.scale
    top, post, grey = _post(c, dice, place, dice.uniform(2.9, 4.2))
    half, high = max(m * 0.24, c.thin(4)), max(m * 1.0, c.thin(16))
    at = [x]
    if dice.chance(0.35):
        at.append(x - m * dice.uniform(1.6, 2.8) * (1 if place.x > 0 else -1))
        c.line((x, top + high * 0.2), (at[1], top + high * 0.2), post * 1.7, "pole", grey)
    lit, plate = dice.integer(3), dice.chance(0.35)
    lamps: list[Colour] = [(245, 50, 36), (250, 180, 30), (60, 230, 120)]
    for middle in at:
        up = top - high * 0.4
        if plate:
            edge = half * 0.3
            c.box(middle - half - edge, up - edge, middle + half + edge, up + high + edge,
                  "traffic light", WHITE)  # fmt: skip
        c.box(middle - half, up, middle + half, up + high, "traffic light", (30, 32, 30))
        for k, colour in enumerate(lamps):
            y = up + high * (0.19 + 0.31 * k)
            c.ellipse(middle, y, half * 0.72, high * 0.125, None, (12, 12, 12))
            shown = colour if k == lit else shade(colour, 0.22)
            c.ellipse(middle, y, half * 0.6, high * 0.105, None, shown, k == lit)


def traffic_sign(c: Canvas, dice: Dice, place: Place) -> None:
    """One or two plates on a post: round, triangular, square, a stop sign, or a wide board."""
    (x, _), m = place.foot, place.scale
    top, _, grey = _post(c, dice, place, dice.uniform(2.3, 3.3))
    half = max(m * dice.uniform(0.4, 0.56), c.thin(7))
    y = top + half * 0.4
    _plate(c, dice, x, y, half, dice.integer(6))
    if dice.chance(0.3):
        c.box(x - half, y + half * 1.15, x + half, y + half * 1.75, "traffic sign", WHITE)
        c.box(x - half * 0.7, y + half * 1.38, x + half * 0.6, y + half * 1.52, None, grey)


def _plate(c: Canvas, dice: Dice, x: float, y: float, half: float, kind: int) -> None:
    if kind == 0:
        c.ellipse(x, y, half, half, "traffic sign", _RED)
        c.ellipse(x, y, half * 0.72, half * 0.72, None, (240, 240, 236))
        c.box(x - half * 0.3, y - half * 0.35, x - half * 0.05, y + half * 0.35, None, (20, 20, 20))
        c.box(x + half * 0.1, y - half * 0.35, x + half * 0.35, y + half * 0.35, None, (20, 20, 20))
    elif kind == 1:
        for size, colour in ((1.15, _RED), (0.72, (245, 238, 222))):
            s = half * size
            c.polygon([(x - s, y + s * 0.75), (x + s, y + s * 0.75), (x, y - s)],
                      "traffic sign", colour)  # fmt: skip
        c.box(x - half * 0.1, y - half * 0.25, x + half * 0.1, y + half * 0.35, None, (20, 20, 20))
    elif kind == 2:
        c.box(x - half, y - half, x + half, y + half, "traffic sign", (236, 236, 236))
        c.box(x - half * 0.9, y - half * 0.9, x + half * 0.9, y + half * 0.9, None, _BLUE)
        c.box(x - half * 0.2, y - half * 0.6, x + half * 0.2, y + half * 0.6, None, WHITE)
        c.ellipse(x + half * 0.15, y - half * 0.25, half * 0.35, half * 0.35, None, WHITE)
    elif kind == 3:
        octagon = [(-1, -0.4), (-0.4, -1), (0.4, -1), (1, -0.4), (1, 0.4), (0.4, 1), (-0.4, 1),
                   (-1, 0.4)]  # fmt: skip
        c.polygon([(x + half * u, y + half * v) for u, v in octagon], "traffic sign", _RED)
        c.box(x - half * 0.75, y - half * 0.2, x + half * 0.75, y + half * 0.2, None, WHITE)
    elif kind == 4:
        c.ellipse(x, y, half, half, "traffic sign", dice.choice([_BLUE, _RED]))
        c.box(x - half * 0.7, y - half * 0.18, x + half * 0.7, y + half * 0.18, None, WHITE)
    else:
        board = dice.choice([(235, 195, 40), (36, 84, 160), (40, 110, 70)])
        c.box(x - half * 1.9, y - half * 0.9, x + half * 1.9, y + half * 0.6, "traffic sign", WHITE)
        c.box(x - half * 1.8, y - half * 0.8, x + half * 1.8, y + half * 0.5, None, board)
        for row in (-0.5, 0.05):
            c.box(x - half * 1.5, y + half * row, x + half * (0.7 - row), y + half * (row + 0.22),
                  None, (30, 30, 30) if board[0] > 200 else WHITE)  # fmt: skip
