"""People on foot and on two wheels. `dx` in the drawings is metres to the way they face."""

from collections.abc import Callable

from ocrnet.scenes.camera import Place, Point
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import CLOTHES, PAINTS, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.twowheelers import bicycle_at, motorcycle_at
from ocrnet.scenes.weather import Colour

At = Callable[[float, float], Point]  # metres forward and up from the foot point → pixels


def sideways(place: Place, facing: int, narrow: float = 1.0) -> At:
    """Coordinates of a thing that looks left (-1) or right (1), turned a little if narrow < 1."""
    (x, y), m = place.foot, place.scale
    return lambda dx, dy: (x + facing * dx * m * narrow, y - dy * m)


def person(c: Canvas, dice: Dice, place: Place) -> None:
    """A pedestrian, 1.5 to 1.95 m, walking or standing, sometimes with a bag or a coat."""
    facing, m = dice.sign(), place.scale * dice.uniform(1.5, 1.95) / 1.8
    (x, y), size = place.foot, m
    coat, trousers = pick(dice, CLOTHES), shade(pick(dice, CLOTHES), 0.6)
    skin, hair = _skin(dice), shade((66, 46, 32), dice.uniform(0.3, 2.2))

    def at(dx: float, dy: float) -> Point:
        return x + facing * dx * size, y - dy * size

    step = dice.uniform(0.06, 0.3)
    for leg, shoe in ((-step, 0.6), (step, 1.0)):
        tone = shade(trousers, 0.75 + 0.25 * shoe)
        limb = [at(leg - 0.08, 0.06), at(leg + 0.09, 0.06), at(0.13, 0.9), at(-0.14, 0.9)]
        c.polygon(limb, "person", tone)
        shoes = [at(leg - 0.09, 0), at(leg + 0.19, 0), at(leg + 0.1, 0.1), at(leg - 0.08, 0.1)]
        c.polygon(shoes, "person", (34, 30, 30))
    hem = dice.choice([0.86, 0.8, 0.5])
    c.polygon([at(-0.21, 1.44), at(-0.1, 1.52), at(0.12, 1.52), at(0.22, 1.42), at(0.2, hem),
               at(-0.21, hem)], "person", coat)  # fmt: skip
    c.polygon([at(-0.21, 1.44), at(-0.1, 1.5), at(-0.1, hem), at(-0.21, hem)], None,
              shade(coat, 0.72))  # fmt: skip
    swing = dice.uniform(-0.3, 0.3)
    for side in (-1, 1):
        hand = at(side * 0.24 + side * swing * 0.5, 0.82)
        c.line(at(side * 0.2, 1.42), hand, size * 0.12, "person", shade(coat, 0.86))
        c.ellipse(*hand, size * 0.055, size * 0.06, "person", skin)
    if dice.chance(0.35):
        bag = pick(dice, PAINTS)
        c.polygon([at(-0.38, 1.4), at(-0.16, 1.42), at(-0.16, 0.98), at(-0.36, 1.0)], "person", bag)
    _head(c, at, size, skin, hair, "person")


def cyclist(c: Canvas, dice: Dice, place: Place) -> None:
    """A bicycle and its rider, who bends to the handlebars with a foot on the pedal."""
    at = sideways(place, dice.sign(), dice.uniform(0.75, 1.0))
    bicycle_at(c, dice, at, place.scale)
    _rider(c, dice, at, place.scale, helmet=dice.chance(0.55))


def motorcyclist(c: Canvas, dice: Dice, place: Place) -> None:
    """A motorcycle and its helmeted rider."""
    at = sideways(place, dice.sign(), dice.uniform(0.8, 1.0))
    motorcycle_at(c, dice, at, place.scale)
    _rider(c, dice, lambda dx, dy: at(dx - 0.06, dy - 0.12), place.scale, helmet=True)


def bicycle(c: Canvas, dice: Dice, place: Place) -> None:
    """A parked bicycle, or two side by side."""
    facing, narrow = dice.sign(), dice.uniform(0.8, 1.0)
    if dice.chance(0.3):
        behind = Place(place.camera, place.x + facing * 0.5, place.z + 0.45)
        bicycle_at(c, dice, sideways(behind, facing, narrow), behind.scale)
    bicycle_at(c, dice, sideways(place, facing, narrow), place.scale)


def motorcycle(c: Canvas, dice: Dice, place: Place) -> None:
    """A parked motorcycle or scooter."""
    motorcycle_at(c, dice, sideways(place, dice.sign(), dice.uniform(0.75, 1.0)), place.scale)


def _rider(c: Canvas, dice: Dice, at: At, m: float, *, helmet: bool) -> None:
    jacket, trousers, skin = pick(dice, CLOTHES), shade(pick(dice, CLOTHES), 0.6), _skin(dice)
    seat, shoulder = (-0.24, 1.02), (0.1, 1.62)
    for knee, foot, tone in (((0.14, 0.74), (0.0, 0.5), 0.7), ((0.2, 0.82), (0.06, 0.28), 1.0)):
        c.line(at(*seat), at(*knee), m * 0.2, "rider", shade(trousers, tone))
        c.line(at(*knee), at(*foot), m * 0.15, "rider", shade(trousers, tone))
        shoe = at(foot[0] + 0.08, foot[1] - 0.03)
        c.ellipse(*shoe, m * 0.13, m * 0.06, "rider", (30, 28, 28))
    back = [at(-0.38, 0.98), at(-0.1, 0.94), at(0.22, 1.5), at(0.12, 1.68), at(-0.08, 1.62)]
    c.polygon(back, "rider", jacket)
    c.polygon([at(-0.38, 0.98), at(-0.26, 0.97), at(0.0, 1.62), at(-0.08, 1.62)], None,
              shade(jacket, 0.72))  # fmt: skip
    elbow = at(0.24, 1.24)
    c.line(at(*shoulder), elbow, m * 0.14, "rider", shade(jacket, 0.84))
    c.line(elbow, at(0.5, 1.14), m * 0.11, "rider", shade(jacket, 0.84))
    if dice.chance(0.3):
        pack = [at(-0.34, 1.2), at(-0.16, 1.1), at(0.02, 1.56), at(-0.18, 1.62)]
        c.polygon(pack, "rider", pick(dice, PAINTS))

    def head(dx: float, dy: float) -> Point:
        return at(dx + 0.18, dy + 0.14)

    _head(c, head, m, skin, shade((66, 46, 32), dice.uniform(0.3, 2.2)), "rider")
    if helmet:
        c.ellipse(*head(0.0, 1.72), m * 0.16, m * 0.12, "rider", pick(dice, PAINTS))


def _head(c: Canvas, at: At, m: float, skin: Colour, hair: Colour, name: str) -> None:
    c.polygon([at(-0.06, 1.5), at(0.06, 1.5), at(0.06, 1.6), at(-0.06, 1.6)], name, skin)
    c.ellipse(*at(-0.02, 1.69), m * 0.125, m * 0.14, name, hair)
    c.ellipse(*at(0.03, 1.66), m * 0.09, m * 0.11, name, skin)


def _skin(dice: Dice) -> Colour:
    return shade((205, 160, 130), dice.uniform(0.4, 1.1))
