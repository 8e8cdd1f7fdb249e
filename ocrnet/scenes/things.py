"""Which things stand in a scene, and where."""

from collections.abc import Callable
from dataclasses import dataclass

from ocrnet.scenes import cars, furniture, heavies, people, plants
from ocrnet.scenes.camera import Camera, Place
from ocrnet.scenes.canvas import Canvas
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.layout import CROSSING_HALF, Street

Painter = Callable[[Canvas, Dice, Place], None]


_GAP = 1.0  # metres that stay free behind a thing


@dataclass(frozen=True)
class ThingKind:
    """A kind of thing: how many on average, Z from near to far, and where across the street.

    inner, outer: metres outwards from the kerb, or with `on_road` shares of the half road.
    across: it drives in the side street, wherever that is.
    half, deep, tall: half its width, its length ahead and its height, in metres.
    """

    paint: Painter
    mean: float
    near: float
    far: float
    inner: float
    outer: float
    half: float
    deep: float
    tall: float
    on_road: bool = False
    across: bool = False


@dataclass(frozen=True)
class Thing:
    """One thing, its nearer end at X, Z in metres."""

    kind: ThingKind
    x: float
    z: float
    seed: int

    def paint(self, c: Canvas, camera: Camera) -> None:
        """Paint it."""
        c.go_to(self.z)
        self.kind.paint(c, Dice(self.seed), Place(camera, self.x, self.z))

    def meets(self, other: "Thing") -> bool:
        """Whether two things stand in each other's place."""
        return (
            abs(self.x - other.x) < self.kind.half + other.kind.half
            and self.z < other.z + other.kind.deep + _GAP
            and other.z < self.z + self.kind.deep + _GAP
        )


# Mean; near, far; inner, outer; half, deep, tall. What is large comes first: where it stands,
# nothing else will.
_TRAM = ThingKind(heavies.tram, 1, 9, 24, 0, 0, 1.4, 19, 3.3)
_CROSSING_TRAM = ThingKind(
    heavies.crossing_tram, 1, 0, 0, 0, 0, 9, 2.6, 3.3, on_road=True, across=True
)
_KINDS = (
    ThingKind(heavies.bus, 0.6, 8, 26, 0.4, 0.65, 1.4, 11.5, 3, on_road=True),
    ThingKind(heavies.truck, 0.8, 7.5, 24, 0.4, 0.65, 1.4, 9, 3.2, on_road=True),
    ThingKind(heavies.crossing_bus, 0.4, 0, 0, 0, 0.9, 5.5, 2.6, 3, on_road=True, across=True),
    ThingKind(heavies.crossing_truck, 0.6, 0, 0, 0, 0.9, 4.2, 2.6, 3.2, on_road=True, across=True),
    ThingKind(cars.crossing_car, 1.0, 0, 0, 0, 1.2, 2.2, 1.9, 1.4, on_road=True, across=True),
    ThingKind(cars.car, 3.2, 5, 30, -1.3, -1.05, 0.95, 4.4, 1.4),
    ThingKind(cars.car, 1.6, 8, 32, 0.3, 0.65, 0.95, 4.4, 1.4, on_road=True),
    ThingKind(people.cyclist, 2.0, 4, 13, -2.6, -0.6, 0.8, 0.5, 1.7),
    ThingKind(people.motorcyclist, 1.5, 4.5, 14, -3.0, -0.8, 0.9, 0.6, 1.6),
    ThingKind(people.motorcycle, 1.9, 4, 12, -1.2, 1.4, 0.9, 0.5, 1.0),
    ThingKind(people.bicycle, 1.6, 3.8, 10, 0.3, 2.6, 0.8, 0.9, 0.9),
    ThingKind(furniture.traffic_light, 2.1, 6, 22, 0.3, 1.2, 0.16, 0.3, 4),
    ThingKind(furniture.traffic_sign, 2.3, 6, 22, 0.3, 1.6, 0.16, 0.3, 3),
    ThingKind(furniture.lamp_post, 1.9, 5.5, 24, 0.3, 0.9, 0.14, 0.3, 5.5),
    ThingKind(people.person, 4.8, 3.6, 15, 0.2, 3.2, 0.28, 0.3, 1.7),
    ThingKind(people.person, 1.3, 5.5, 15, -0.9, 0.9, 0.28, 0.3, 1.7, on_road=True),
    ThingKind(plants.tree, 3.4, 7, 42, 0.5, 9, 0.3, 0.4, 6),
    ThingKind(plants.bush, 1.0, 6, 24, 2, 9, 1.3, 0.8, 1.2),
)


def populate(dice: Dice, street: Street) -> list[Thing]:
    """All things of a scene, from far to near."""
    things: list[Thing] = []
    if street.crossing is not None and street.rails:
        x, z = dice.uniform(-6, 6), street.crossing - 1.25
        things.append(Thing(_CROSSING_TRAM, x, z, dice.seed()))
    if street.tracks is not None:
        z = dice.uniform(_TRAM.near, _TRAM.far)
        tram = Thing(_TRAM, street.tracks, z, dice.seed())
        if not any(tram.meets(other) for other in things):
            things.append(tram)
    for kind in _KINDS:
        if kind.across and street.crossing is None:
            continue
        for _ in range(dice.count(kind.mean)):
            thing = _place(dice, kind, street)
            blocked = street.crossed_at(thing.z) and not kind.on_road
            if not blocked and not any(thing.meets(other) for other in things):
                things.append(thing)
    return sorted(things, key=lambda thing: -thing.z)


def _place(dice: Dice, kind: ThingKind, street: Street) -> Thing:
    if kind.across and street.crossing is not None:
        z = street.crossing + dice.uniform(-CROSSING_HALF + 1.4, CROSSING_HALF - 1.4)
    else:
        # Uniform in 1/Z is uniform over the picture's rows.
        z = 1 / dice.uniform(1 / kind.far, 1 / kind.near)
    side, offset = dice.sign(), dice.uniform(kind.inner, kind.outer)
    x = offset * street.road[side] if kind.on_road else street.road[side] + offset
    if not street.open_at(side, z):
        x = min(x, street.front(side, z) - min(kind.half, 0.6))
    return Thing(kind, side * x, z, dice.seed())
