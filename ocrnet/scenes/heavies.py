"""Lorries, buses and trams, along the street or across it."""

from ocrnet.scenes.bodies import Body, Heading, along, lamps, shell, wheels
from ocrnet.scenes.camera import Face, Place
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import GLASS, LIT, PAINTS, WHITE, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour


def truck(c: Canvas, dice: Dice, place: Place) -> None:
    """A lorry along the street."""
    _truck(c, dice, along(place, 8))


def crossing_truck(c: Canvas, dice: Dice, place: Place) -> None:
    """A lorry across the street."""
    _truck(c, dice, Heading(place, False, dice.sign()))


def bus(c: Canvas, dice: Dice, place: Place) -> None:
    """A bus along the street."""
    _bus(c, dice, along(place, 11))


def crossing_bus(c: Canvas, dice: Dice, place: Place) -> None:
    """A bus across the street."""
    _bus(c, dice, Heading(place, False, dice.sign()))


def tram(c: Canvas, dice: Dice, place: Place) -> None:
    """A tram of two or three cars along the street."""
    count, long = dice.integer(2) + 2, dice.uniform(6.5, 8.5)
    _tram(c, dice, Heading(along(place, count * long).place, True, dice.sign()), count, long)


def crossing_tram(c: Canvas, dice: Dice, place: Place) -> None:
    """A tram of two or three cars across the street."""
    count, long = dice.integer(2) + 2, dice.uniform(6.5, 8.5)
    _tram(c, dice, Heading(place, False, dice.sign()), count, long)


def _truck(c: Canvas, dice: Dice, going: Heading) -> None:
    """A cab and behind it a box with ribs or a picture, on three visible axles."""
    cargo = shade((205, 205, 200), dice.uniform(0.5, 1.15))
    if dice.chance(0.55):
        cargo = pick(dice, PAINTS)
    paint, high, long = pick(dice, PAINTS), dice.uniform(3.1, 3.8), dice.uniform(4.5, 7.0)
    rear, split, front = -long / 2 - 1, long / 2 - 1, long / 2 + 1
    bed = Body(rear, front, 1.15, 0.55, 0.95)
    load = Body(rear, split, 1.25, 0.95, high)
    cab = Body(split + 0.15, front, 1.15, 0.5, 2.75, (0, 0.25))
    comes = going.along and going.forward < 0
    shell(c, going, bed, "truck", (48, 48, 52))
    for kind in ("load", "cab") if comes or not going.along else ("cab", "load"):
        if kind == "cab":
            _cab(c, going, cab, paint)
        else:
            _load(c, dice, going, load, cargo)
    wheels(c, going, bed, (rear + 0.9, rear + 2.0, front - 0.9), 0.5, "truck")


def _cab(c: Canvas, going: Heading, cab: Body, paint: Colour) -> None:
    side, tail = shell(c, going, cab, "truck", paint)
    c.polygon(side.patch(0.3, 0.52, 0.9, 0.88), None, GLASS)
    c.hairs([(side.point(0.25, 0.08), side.point(0.25, 0.95))], shade(paint, 0.6))
    if going.along and going.shows_front:
        c.polygon(tail.patch(0.06, 0.5, 0.94, 0.9), None, GLASS)
        c.polygon(tail.patch(0.2, 0.18, 0.8, 0.4), None, (36, 36, 38))
        lamps(c, tail, going, 0.06, 0.16, 0.16)


def _load(c: Canvas, dice: Dice, going: Heading, load: Body, cargo: Colour) -> None:
    side, tail = shell(c, going, load, "truck", cargo)
    c.polygon(side.patch(0, 0, 1, 0.06), None, shade(cargo, 0.6))
    c.polygon(side.patch(0, 0.95, 1, 1), None, shade(cargo, 0.75))
    if dice.chance(0.5):
        ribs = [(side.point(k / 12, 0), side.point(k / 12, 1)) for k in range(1, 12)]
        c.hairs(ribs, shade(cargo, 0.78))
    else:
        c.polygon(side.patch(0.2, 0.4, 0.7, 0.66), None, pick(dice, PAINTS))
    if going.along and not going.shows_front:
        for u in (0.0, 0.485, 0.97):
            c.polygon(tail.patch(u, 0, u + 0.03, 1), None, shade(cargo, 0.6))
        for u in (0.38, 0.58):
            c.polygon(tail.patch(u, 0.05, u + 0.03, 0.95), None, (150, 150, 152))
        c.polygon(tail.patch(0, 0, 1, 0.05), None, (60, 20, 20))
        lamps(c, tail, going, 0.0, 0.07, 0.12)


def _bus(c: Canvas, dice: Dice, going: Heading) -> None:
    """One box with a band of windows, doors and a lit number."""
    paint = pick(dice, [(205, 40, 35), (235, 190, 40), (40, 100, 170), (225, 225, 220),
                        (60, 140, 80)])  # fmt: skip
    skirt = dice.choice([paint, shade(paint, 0.6), pick(dice, PAINTS)])
    half_long, high = dice.uniform(4.8, 5.8), dice.uniform(2.9, 3.2)
    body = Body(-half_long, half_long, 1.27, 0.32, high, (0.05, 0.1))
    side, tail = shell(c, going, body, "bus", paint)
    glass, glows = _inside(c, dice)
    c.polygon(side.patch(0, 0, 1, 0.24), None, skirt)
    c.polygon(side.patch(0.02, 0.42, 0.98, 0.86), None, shade(GLASS, 0.6))
    panes = dice.integer(3) + 6
    windows = [side.patch((k + 0.14) / panes, 0.46, (k + 0.9) / panes, 0.83) for k in range(panes)]
    c.polygons(windows, None, glass, glows)
    for k in (panes - 1, panes // 2):
        c.polygon(side.patch((k + 0.1) / panes, 0.04, (k + 0.94) / panes, 0.86), None,
                  shade(GLASS, 0.7))  # fmt: skip
        c.hairs([(side.point((k + 0.5) / panes, 0.04), side.point((k + 0.5) / panes, 0.86))], paint)
    wheels(c, going, body, (-half_long + 2.2, half_long - 2.5), 0.5, "bus")
    front = going.shows_front
    c.polygon(tail.patch(0.06, 0.36 if front else 0.5, 0.94, 0.84), None, shade(GLASS, 1.1))
    c.polygon(tail.patch(0.06, 0.36 if front else 0.5, 0.4, 0.84), None, shade(GLASS, 0.85))
    c.polygon(tail.patch(0.15, 0.87, 0.85, 0.98), None, (28, 25, 16))
    c.polygon(tail.patch(0.3, 0.89, 0.7, 0.96), None, (250, 180, 40), glows=True)
    c.polygon(tail.patch(0.0, 0.0, 1.0, 0.08), None, shade(skirt, 0.6))
    lamps(c, tail, going, 0.14, 0.24, 0.13)


def _tram(c: Canvas, dice: Dice, going: Heading, count: int, long: float) -> None:
    """Coupled cars with a stripe and pantographs."""
    liveries: list[Colour] = [(215, 210, 195), (180, 190, 200), (200, 60, 45), (90, 120, 90)]
    paint = pick(dice, liveries)
    stripe = pick(dice, [(190, 25, 30), (30, 60, 130), (230, 180, 30)])
    glass, high = _inside(c, dice), dice.uniform(3.2, 3.5)
    # From far to near, where it goes along the street.
    order = range(count) if going.forward < 0 else range(count - 1, -1, -1)
    for k in order:
        rear = (k - count / 2) * long
        last = k == (count - 1 if going.shows_front else 0)
        body = Body(rear + 0.15, rear + long - 0.15, 1.25, 0.3, high)
        _tram_car(c, going, body, (paint, stripe), glass, last=last)


def _tram_car(
    c: Canvas,
    going: Heading,
    body: Body,
    paint_stripe: tuple[Colour, Colour],
    glass: tuple[Colour, bool],
    *,
    last: bool,
) -> None:
    paint, stripe = paint_stripe
    join = Body(body.rear - 0.3, body.front + 0.3, 1.05, 0.4, body.high - 0.2)
    shell(c, going, join, "train", (44, 44, 48))
    _pantograph(c, going, body)
    gear = Body(body.rear + 0.5, body.front - 0.5, 1.2, 0.02, 0.4)
    shell(c, going, gear, "train", (46, 46, 50))
    side, tail = shell(c, going, body, "train", paint)
    c.polygon(side.patch(0, 0.3, 1, 0.4), None, stripe)
    c.polygon(side.patch(0, 0, 1, 0.09), None, (60, 60, 64))
    windows = [side.patch(u, 0.48, u + 0.17, 0.84) for u in (0.05, 0.25, 0.6, 0.79)]
    c.polygons(windows, None, *glass)
    c.polygon(side.patch(0.45, 0.05, 0.57, 0.86), None, shade(GLASS, 0.7))
    c.hairs([(side.point(0.51, 0.05), side.point(0.51, 0.86))], paint)
    if last:
        _tram_end(c, going, tail, stripe)


def _tram_end(c: Canvas, going: Heading, tail: Face, stripe: Colour) -> None:
    c.polygon(tail.patch(0, 0.3, 1, 0.4), None, stripe)
    c.polygon(tail.patch(0, 0, 1, 0.09), None, (60, 60, 64))
    for left, right in ((0.08, 0.3), (0.34, 0.66), (0.7, 0.92)):
        c.polygon(tail.patch(left, 0.45, right, 0.84), None, GLASS)
    c.polygon(tail.patch(0.3, 0.88, 0.7, 0.97), None, (250, 180, 40), glows=True)
    lamp = WHITE if going.shows_front else (160, 20, 20)
    c.polygon(tail.patch(0.42, 0.14, 0.58, 0.26), None, lamp, c.weather.dark)
    lamps(c, tail, going, 0.15, 0.24, 0.14)


def _pantograph(c: Canvas, going: Heading, body: Body) -> None:
    middle, m = (body.rear + body.front) / 2, going.place.scale
    base = going.camera.project(*going.spot(middle - 0.8, 0, body.high))
    knee = going.camera.project(*going.spot(middle + 0.5, 0, body.high + 0.7))
    tip = going.camera.project(*going.spot(middle - 0.4, 0, body.high + 1.3))
    for start, stop in ((base, knee), (knee, tip)):
        c.line(start, stop, max(m * 0.1, c.thin(2)), "train", (52, 52, 54))
    c.line((tip[0] - m * 0.7, tip[1]), (tip[0] + m * 0.7, tip[1]), max(m * 0.1, c.thin(2)),
           "train", (52, 52, 54))  # fmt: skip


def _inside(c: Canvas, dice: Dice) -> tuple[Colour, bool]:
    """The colour behind the windows, and whether it glows."""
    lit = shade(LIT, dice.uniform(0.75, 1))
    return (lit, True) if c.weather.dark else (GLASS, False)
