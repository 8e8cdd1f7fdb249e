"""Cars: hatchbacks, saloons, estates and vans, along the street or across it."""

from ocrnet.scenes.bodies import Body, Heading, along, lamps, shell, wheels
from ocrnet.scenes.camera import Face, Place
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import GLASS, PAINTS, WHITE, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour


def car(c: Canvas, dice: Dice, place: Place) -> None:
    """A car that drives along its half of the street or is parked at the kerb."""
    going = along(place, 4.2)
    _car(c, dice, Heading(going.place, True, going.forward * (1 if dice.chance(0.85) else -1)))


def crossing_car(c: Canvas, dice: Dice, place: Place) -> None:
    """A car across the street."""
    _car(c, dice, Heading(place, False, dice.sign()))


def _car(c: Canvas, dice: Dice, heading: Heading) -> None:
    paint, half = pick(dice, PAINTS), dice.uniform(0.85, 0.95)
    rear, front, high = -dice.uniform(1.9, 2.2), dice.uniform(1.95, 2.25), dice.uniform(1.4, 1.65)
    belt = high * 0.58
    shapes = [(0.35, 1.35, 0.35, 0.7), (0.75, 1.3, 0.5, 0.75), (0.08, 1.25, 0.25, 0.7)]
    rear_in, front_in, rear_slope, front_slope = dice.choice(shapes)
    hull = Body(rear, front, half, 0.26, belt, (0.05, 0.1))
    cabin = Body(
        rear + rear_in, front - front_in, half * 0.96, belt, high, (rear_slope, front_slope), 0.17
    )
    # The hull comes last: it reaches further towards the camera than the cabin.
    side, tail = shell(c, heading, cabin, "car", paint)
    glass = shade(GLASS, dice.uniform(0.6, 1.3))
    if heading.along:
        _cabin_side(c, side, glass)
        c.polygon(tail.patch(0.07, 0.06, 0.93, 0.86), None, glass)
        c.polygon(tail.patch(0.12, 0.1, 0.4, 0.8), None, shade(glass, 1.25))
    else:
        c.polygon(tail.patch(0.07, 0.06, 0.93, 0.86), None, glass)
        _cabin_side(c, side, glass)
    side, tail = shell(c, heading, hull, "car", shade(paint, 0.92))
    for u in (0.36, 0.6):
        c.hairs([(side.point(u, 0.05), side.point(u, 1))], shade(paint, 0.5))
        c.polygon(side.patch(u - 0.07, 0.72, u - 0.03, 0.78), None, shade(paint, 0.6))
    c.polygon(side.patch(0, 0, 1, 0.16), None, shade(paint, 0.45))
    wheels(c, heading, hull, (rear + 0.75, front - 0.8), 0.33, "car")
    c.polygon(tail.patch(0, 0, 1, 0.28), None, shade(paint, 0.55))
    lamps(c, tail, heading, 0.55, 0.86, 0.17)
    if heading.shows_front:
        c.polygon(tail.patch(0.27, 0.5, 0.73, 0.76), None, (34, 34, 36))
    c.polygon(tail.patch(0.36, 0.3, 0.64, 0.46), None, WHITE)


def _cabin_side(c: Canvas, side: Face, glass: Colour) -> None:
    c.polygon(side.patch(0.07, 0.08, 0.48, 0.86), None, glass)
    c.polygon(side.patch(0.53, 0.08, 0.92, 0.86), None, glass)
