"""Bicycles and motorcycles from the side, on their own or under a rider."""

from collections.abc import Callable

from ocrnet.scenes.camera import Point
from ocrnet.scenes.canvas import Canvas, ring, shade
from ocrnet.scenes.details import PAINTS, TYRE, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour


def _wheel(
    c: Canvas, at: Callable[[float, float], Point], dx: float, radius: float, tyre: float, name: str
) -> None:
    (x, y), (edge, _), (_, top) = at(dx, radius), at(dx + radius, radius), at(dx, 2 * radius)
    wide, high = abs(edge - x), y - top
    c.polygon(ring(x, y, wide, high), name, TYRE)
    c.polygon(ring(x, y, wide * (1 - tyre), high * (1 - tyre)), None, (118, 118, 116))
    for k in range(0, 12, 2):
        rim = ring(x, y, wide * (1 - tyre), high * (1 - tyre))
        c.hairs([(rim[k], rim[k + 12])], (48, 48, 50))
    c.polygon(ring(x, y, wide * 0.16, high * 0.16), None, (60, 60, 62))


def bicycle_at(c: Canvas, dice: Dice, at: Callable[[float, float], Point], m: float) -> None:
    """A bicycle: two spoked wheels, a frame, saddle, bars, and a rack or a basket on most."""
    colour = shade(pick(dice, PAINTS), 0.85)
    base, radius = 0.54, 0.36
    for dx in (-base, base):
        _wheel(c, at, dx, radius, 0.2, "bicycle")
    saddle, bars, pedal, head = (-0.24, 0.92), (0.42, 1.02), (0.0, 0.34), (0.36, 0.84)
    tubes = [(pedal, saddle), (pedal, head), ((-0.2, 0.8), head), (pedal, (-base, radius)),
             ((-0.2, 0.8), (-base, radius)), (bars, (base, radius))]  # fmt: skip
    thick = max(m * 0.085, c.thin(2))
    c.lines([(at(*start), at(*stop)) for start, stop in tubes], thick, "bicycle", colour)
    c.line(at(0.36, 1.06), at(0.56, 1.04), thick, "bicycle", TYRE)
    c.line(at(-0.38, 0.97), at(-0.1, 0.97), thick * 1.2, "bicycle", TYRE)
    c.ellipse(*at(*pedal), m * 0.11, m * 0.11, "bicycle", (40, 40, 42))
    if dice.chance(0.5):
        c.line(at(-0.86, 0.8), at(-0.28, 0.8), thick, "bicycle", (60, 60, 62))
        bag = [at(-0.8, 0.78), at(-0.4, 0.78), at(-0.44, 0.42), at(-0.76, 0.42)]
        c.polygon(bag, "bicycle", shade(pick(dice, PAINTS), 0.8))
    if dice.chance(0.4):
        basket = [at(0.46, 1.0), at(0.86, 1.0), at(0.8, 0.72), at(0.5, 0.72)]
        c.polygon(basket, "bicycle", (150, 118, 76))
        c.hairs([(at(0.48, 0.9), at(0.84, 0.9)), (at(0.48, 0.8), at(0.82, 0.8))], (90, 68, 44))


def motorcycle_at(c: Canvas, dice: Dice, at: Callable[[float, float], Point], m: float) -> None:
    """A motorcycle with tank and engine, or a scooter with a leg shield; fat wheels on both."""
    colour, scooter = pick(dice, PAINTS), dice.chance(0.4)
    base, radius = (0.62, 0.28) if scooter else (0.7, 0.34)
    for dx in (-base, base):
        _wheel(c, at, dx, radius, 0.42, "motorcycle")
    if scooter:
        _scooter(c, at, colour)
    else:
        _heavy(c, at, m, colour)
    bars = at(0.42, 1.16)
    c.line(at(base, radius), bars, max(m * 0.1, c.thin(2)), "motorcycle", (80, 80, 82))
    c.line(bars, at(0.24, 1.2), max(m * 0.08, c.thin(2)), "motorcycle", TYRE)
    c.ellipse(*at(0.56, 0.98), m * 0.12, m * 0.12, "motorcycle", (238, 236, 214), c.weather.dark)


def _heavy(c: Canvas, at: Callable[[float, float], Point], m: float, colour: Colour) -> None:
    engine = [at(-0.42, 0.3), at(0.36, 0.26), at(0.42, 0.7), at(-0.5, 0.72)]
    c.polygon(engine, "motorcycle", (62, 62, 66))
    for k in range(4):
        c.hairs([(at(-0.1, 0.4 + 0.08 * k), at(0.34, 0.4 + 0.08 * k))], (140, 140, 142))
    c.line(at(-0.1, 0.3), at(-0.95, 0.42), m * 0.13, "motorcycle", (160, 160, 158))
    tank = [at(-0.16, 0.72), at(0.4, 0.68), at(0.5, 0.94), at(0.26, 1.06), at(-0.1, 0.9)]
    c.polygon(tank, "motorcycle", colour)
    seat = [at(-0.95, 0.94), at(-0.9, 0.76), at(-0.1, 0.74), at(-0.08, 0.88), at(-0.6, 0.9)]
    c.polygon(seat, "motorcycle", TYRE)
    tail = [at(-1.0, 0.9), at(-0.62, 0.78), at(-0.6, 0.62), at(-0.98, 0.66)]
    c.polygon(tail, "motorcycle", shade(colour, 0.8))


def _scooter(c: Canvas, at: Callable[[float, float], Point], colour: Colour) -> None:
    body = [at(-0.98, 0.5), at(-0.9, 0.8), at(-0.1, 0.78), at(0.0, 0.36), at(-0.3, 0.22),
            at(-0.7, 0.24)]  # fmt: skip
    c.polygon(body, "motorcycle", colour)
    c.polygon([at(-0.1, 0.2), at(0.36, 0.2), at(0.4, 0.34), at(-0.1, 0.36)], "motorcycle",
              shade(colour, 0.7))  # fmt: skip
    shield = [at(0.3, 0.24), at(0.52, 0.4), at(0.62, 1.06), at(0.36, 1.14)]
    c.polygon(shield, "motorcycle", shade(colour, 0.92))
    seat = [at(-0.94, 0.92), at(-0.9, 0.78), at(-0.1, 0.76), at(-0.12, 0.88)]
    c.polygon(seat, "motorcycle", TYRE)
