"""What stands where along the street, before anything is painted. Metres."""

from dataclasses import dataclass

from ocrnet.scenes.dice import Dice

NEAR = 1.2  # ahead of the camera, where the ground leaves the picture
FAR = 160.0
CROSSING_HALF = 3.4  # half the width of a side street
_CORNER = CROSSING_HALF + 1.8  # and of what is clear of houses there


@dataclass(frozen=True)
class Segment:
    """A piece of the row along one side: its front at X, from Z near to Z far, and its height.

    kind: building, wall, fence, hedge or open. seed: for its own dice.
    """

    kind: str
    side: int
    x: float
    near: float
    far: float
    tall: float
    seed: int


@dataclass(frozen=True)
class Street:
    """road, walk: distance from the middle (the camera) to the outer edge, by side (-1, 1).

    verge: how wide the grass between kerb and pavement is, by side. tracks: X of a tram's track
    on the road, or None. crossing: Z of the middle of a side street, or None; rails: whether a
    tram runs in that.
    """

    road: dict[int, float]
    walk: dict[int, float]
    verge: dict[int, float]
    segments: tuple[Segment, ...]
    tracks: float | None
    crossing: float | None
    rails: bool

    @classmethod
    def draw(cls, dice: Dice) -> "Street":
        """A random street; the camera drives on its right half."""
        road = {-1: dice.uniform(4.0, 7.5), 1: dice.uniform(2.6, 5.0)}
        verge = {side: dice.uniform(0.8, 2.4) if dice.chance(0.4) else 0.0 for side in (-1, 1)}
        walk = {side: road[side] + verge[side] + dice.uniform(2.0, 4.6) for side in (-1, 1)}
        tracks = -dice.uniform(2.4, road[-1] - 1.5) if dice.chance(0.4) else None
        crossing = dice.uniform(12, 30) if dice.chance(0.62) else None
        segments = [row for side in (-1, 1) for row in _row(dice, side, walk[side], crossing)]
        return cls(
            road=road,
            walk=walk,
            verge=verge,
            segments=tuple(sorted(segments, key=lambda row: -row.far)),
            tracks=tracks,
            crossing=crossing,
            rails=crossing is not None and dice.chance(0.42),
        )

    def open_at(self, side: int, z: float) -> bool:
        """Whether nothing stands along that side at Z."""
        return any(
            row.side == side and row.near <= z < row.far and row.kind == "open"
            for row in self.segments
        )

    def crossed_at(self, z: float) -> bool:
        """Whether the side street is at Z."""
        return self.crossing is not None and abs(z - self.crossing) < CROSSING_HALF + 1

    def front(self, side: int, z: float) -> float:
        """How far from the middle the row's front is at Z."""
        for row in self.segments:
            if row.side == side and row.near <= z < row.far:
                return abs(row.x)
        return self.walk[side]


_TALL = {"building": (6, 20), "wall": (1.4, 2.9), "fence": (1.2, 2.3), "hedge": (1.0, 2.4)}
_LOW = ("wall", "wall", "wall", "fence", "fence", "fence", "hedge", "open")


def _row(dice: Dice, side: int, walk: float, crossing: float | None) -> list[Segment]:
    segments = []
    setback = dice.uniform(0.0, 4.5) if dice.chance(0.6) else 0.0
    # Walls and fences come in long runs near by: far away they would be a row of pixels.
    low_to = dice.uniform(13, 32) if dice.chance(0.82) else 0.0
    near = -dice.uniform(0, 6)
    low_kind = dice.choice(_LOW)
    while near < 95:
        if near < low_to:
            if dice.chance(0.5):
                low_kind = dice.choice(_LOW)
            kind, long, gap = low_kind, dice.uniform(6, 14), min(setback, 2.5)
        else:
            kind = "building" if dice.chance(0.8) else dice.choice(["hedge", "open"])
            long, gap = dice.uniform(7, 16) + near * 0.12, setback + dice.uniform(0, 0.8)
        tall = dice.uniform(*_TALL.get(kind, (0, 0)))
        far = start = near + long
        if crossing is not None and near < crossing + _CORNER and far > crossing - _CORNER:
            far, start = crossing - _CORNER, crossing + _CORNER
        if far > max(near, NEAR) + 0.5:
            x = side * (walk + gap)
            segments.append(Segment(kind, side, x, max(near, NEAR), far, tall, dice.seed()))
        near = start
    return segments
