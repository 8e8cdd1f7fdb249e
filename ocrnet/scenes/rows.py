"""What lines the street below roof height: walls, fences and hedges."""

import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes.camera import Camera, Face, upright
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import MASONRY, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.layout import Segment


def front(camera: Camera, row: Segment, low: float, high: float) -> Face:
    """The side of a segment that looks at the street; u runs ahead."""
    return upright(camera, (row.x, row.near), (row.x, row.far), low, high)


def end(camera: Camera, row: Segment, wide: float, low: float, high: float) -> Face:
    """The side of a segment that looks back at the camera; u runs outwards."""
    return upright(camera, (row.x, row.near), (row.x + row.side * wide, row.near), low, high)


def courses(
    face: Face, long: float, tall: float, brick: tuple[float, float]
) -> NDArray[np.float64]:
    """The joints of masonry on a face: brick is the length and height of one, in metres."""
    step_u, step_v = brick[0] / long, brick[1] / tall
    ends = []
    for k in range(int(1 / step_v) + 1):
        low, high = k * step_v, min((k + 1) * step_v, 1.0)
        ends.append((0.0, low, 1.0, low))
        u = step_u * (0.5 if k % 2 else 1.0)
        while u < 1:
            ends.append((u, low, u, high))
            u += step_u
    at = np.array(ends).reshape(-1, 2, 2)
    return face.points(at[..., 0], at[..., 1])


def wall(c: Canvas, dice: Dice, camera: Camera, row: Segment) -> None:
    """A garden or retaining wall: large blocks, piers and a pale cap that juts out."""
    c.go_to((row.near + min(row.far, 2 * row.near)) / 2)
    stone = shade(pick(dice, MASONRY), c.weather.facing(row.side))
    cap = shade(stone, 1.35 if stone[0] < 150 else 0.62)
    brick = dice.choice([(0.6, 0.3), (0.9, 0.42), (0.45, 0.22), (2.2, row.tall)])
    edge = end(camera, row, 0.4, 0, row.tall)
    c.polygon(edge.patch(), "wall", shade(stone, 0.8))
    face = front(camera, row, 0, row.tall)
    c.polygon(face.patch(), "wall", stone)
    long = row.far - row.near
    blocks = []
    for _ in range(int(long * 2)):
        u, v = dice.random(), int(dice.random() * row.tall / brick[1]) * brick[1] / row.tall
        right, high = min(u + brick[0] / long, 1), min(v + brick[1] / row.tall, 1)
        blocks.append((u, v, right, high))
    half = len(blocks) // 2
    c.polygons(face.patches(blocks[:half]), None, shade(stone, 0.86))
    c.polygons(face.patches(blocks[half:]), None, shade(stone, 1.1))
    c.hairs(courses(face, long, row.tall, brick), shade(stone, 0.66))
    c.polygon(face.patch(high=0.09), "wall", shade(stone, 0.72))
    if dice.chance(0.55):
        piers = _slices(long, 3.2, 0.45)
        c.polygons(face.patches(piers), "wall", shade(stone, 0.88))
        tops = front(camera, row, row.tall, row.tall + 0.3)
        c.polygons(tops.patches(piers), "wall", cap)
    inner = (row.x - row.side * 0.12, row.near), (row.x - row.side * 0.12, row.far)
    c.polygon(upright(camera, *inner, row.tall - 0.16, row.tall + 0.04).patch(), "wall", cap)


def fence(c: Canvas, dice: Dice, camera: Camera, row: Segment) -> None:
    """Pickets, bars or planks with rails; what is seen between them is fence, too."""
    c.go_to((row.near + min(row.far, 2 * row.near)) / 2)
    colour = shade(
        dice.choice([(96, 78, 60), (70, 74, 72), (60, 90, 70), (196, 196, 190), (128, 96, 66)]),
        dice.uniform(0.8, 1.1) * c.weather.facing(row.side),
    )
    pitch, share = dice.choice([(0.32, 0.5), (0.26, 0.32), (0.36, 0.72), (0.45, 0.3)])
    long, face = row.far - row.near, front(camera, row, 0, row.tall)
    c.polygon(face.patch(high=0.94), "fence", None)
    bars = _slices(long, pitch, pitch * share)
    c.polygons(face.patches(bars), "fence", colour)
    for v in (0.14, 0.82):
        c.polygon(face.patch(0, v, 1, v + 0.07), "fence", shade(colour, 0.8))
    tall = front(camera, row, 0, row.tall + 0.12)
    posts = _slices(long, 2.4, 0.16)
    c.polygons(tall.patches(posts), "fence", shade(colour, 0.65))


def hedge(c: Canvas, dice: Dice, camera: Camera, row: Segment) -> None:
    """A clipped hedge with an uneven top and leaves in two greens."""
    c.go_to((row.near + min(row.far, 2 * row.near)) / 2)
    green = shade((72, 104, 50), dice.uniform(0.6, 1.2) * c.weather.facing(row.side))
    c.polygon(end(camera, row, 1.2, 0, row.tall).patch(), "vegetation", shade(green, 0.7))
    face, long = front(camera, row, 0, row.tall), row.far - row.near
    top = [face.point(k / 24, dice.uniform(0.92, 1.08)) for k in range(25)]
    c.polygon([*top, face.point(1, 0), face.point(0, 0)], "vegetation", green)
    for factor in (0.7, 1.22):
        leaves = []
        for _ in range(int(long * 9)):
            u, v = dice.uniform(0, 0.97), dice.uniform(0, 0.93)
            leaves.append((u, v, u + 0.22 / long, v + 0.1 / row.tall))
        c.polygons(face.patches(leaves), None, shade(green, factor))


def _slices(long: float, pitch: float, wide: float) -> list[tuple[float, float, float, float]]:
    """Upright parts of a face of that length: one every pitch, so wide; all in metres."""
    count = int(long / pitch) + 1
    return [(k * pitch / long, 0, min((k * pitch + wide) / long, 1), 1) for k in range(count)]
