"""The ground: terrain, pavements and the road with what is painted on it."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.scenes.camera import Camera, Point
from ocrnet.scenes.canvas import CLASS, Canvas, shade
from ocrnet.scenes.details import WHITE, pick
from ocrnet.scenes.dice import Dice, noise_tile, random_bytes
from ocrnet.scenes.layout import CROSSING_HALF, FAR, NEAR, Street
from ocrnet.scenes.weather import Colour

_TEXELS = 48  # per metre


def ground(c: Canvas, dice: Dice, camera: Camera, street: Street) -> None:
    """Terrain up to the horizon, pavements and the road on top."""
    soil = dice.choice([(118, 128, 70), (96, 116, 58), (128, 130, 84), (140, 118, 84)])
    grass = shade(soil, dice.uniform(0.7, 1.15))
    c.box(0, camera.horizon, c.width, c.height, "terrain", grass)
    slabs: list[Colour] = [(158, 150, 145), (138, 136, 138), (150, 122, 108), (122, 122, 124)]
    paving = pick(dice, slabs)
    kerb = shade((150, 148, 144), dice.uniform(0.8, 1.3))
    asphalt = shade((94, 93, 95), dice.uniform(0.65, 1.3) * (0.72 if c.weather.rain else 1.0))
    for side in (-1, 1):
        walk, road = side * street.walk[side], side * street.road[side]
        strip(c, camera, 0, walk, "sidewalk", paving)
        strip(c, camera, 0, road + side * 0.24, "sidewalk", kerb)
        strip(c, camera, 0, road + side * 0.04, "sidewalk", shade(kerb, 0.55))
        if street.verge[side]:
            inner = road + side * 0.24
            strip(c, camera, inner, inner + side * street.verge[side], "terrain", grass)
    if street.crossing is not None:
        _side_street(c, camera, street, street.crossing, (paving, kerb, asphalt))
    strip(c, camera, -street.road[-1], street.road[1], "road", asphalt)
    _wear(c, dice, camera, street, asphalt)
    _markings(c, dice, camera, street)
    for k, x in enumerate((-0.72, 0.72)):
        steel = shade((150, 148, 146), 0.8 + 0.2 * k)
        if street.tracks is not None:
            strip(c, camera, street.tracks + x - 0.07, street.tracks + x + 0.07, None, steel)
        if street.crossing is not None and street.rails:
            z = street.crossing + x
            strip(c, camera, -60, 60, None, steel, z - 0.09, z + 0.09)


def _side_street(
    c: Canvas, camera: Camera, street: Street, middle: float, colours: tuple[Colour, ...]
) -> None:
    paving, kerb, asphalt = colours
    for half, name, colour in (
        (CROSSING_HALF + 1.7, "sidewalk", paving),
        (CROSSING_HALF + 0.2, "sidewalk", kerb),
        (CROSSING_HALF, "road", asphalt),
    ):
        for side in (-1, 1):
            # Pavements turn the corner at the kerb; only the road goes through.
            start = 0.0 if name == "road" else side * (street.road[side] + 0.2)
            strip(c, camera, start, side * 60, name, colour, middle - half, middle + half)


def _wear(c: Canvas, dice: Dice, camera: Camera, street: Street, asphalt: Colour) -> None:
    for _ in range(dice.integer(5)):
        x, z = dice.uniform(-street.road[-1] * 0.8, street.road[1] * 0.7), dice.uniform(3, 25)
        patch = shade(asphalt, dice.uniform(0.75, 1.15))
        strip(c, camera, x, x + dice.uniform(0.5, 1.8), None, patch, z, z + dice.uniform(1, 4))
    for _ in range(dice.integer(4)):
        x, z = dice.uniform(-street.road[-1] * 0.8, street.road[1] * 0.8), dice.uniform(3, 16)
        c.polygon(disc(camera, x, z, 0.34), None, shade(asphalt, 0.55))
        c.polygon(disc(camera, x, z, 0.26), None, shade(asphalt, 0.85))
    for _ in range(dice.integer(3)):
        z = dice.uniform(3, 20)
        points = [camera.project(-street.road[-1], 0, z)]
        while points[-1][0] < camera.project(street.road[1], 0, z)[0] and len(points) < 12:
            x = -street.road[-1] + len(points) * 1.2
            points.append(camera.project(x, 0, z + dice.uniform(-0.3, 0.3)))
        c.hairs(list(pairwise(points)), shade(asphalt, 0.7))


def _markings(c: Canvas, dice: Dice, camera: Camera, street: Street) -> None:
    white = shade(WHITE, dice.uniform(0.8, 1.05))
    dash, gap, z = dice.uniform(2, 4), dice.uniform(3, 6), dice.uniform(0.5, 3)
    middle = (street.road[1] - street.road[-1]) / 2
    while z < 60:
        near, far = max(z, NEAR), max(z + dash, NEAR + 0.1)
        strip(c, camera, middle - 0.08, middle + 0.08, None, white, near, far)
        z += dash + gap
    for side in (-1, 1):
        edge = side * street.road[side]
        if dice.chance(0.7):
            strip(c, camera, edge - side * 0.4, edge - side * 0.27, None, white)
    if dice.chance(0.45):
        z, x = dice.uniform(6, 16), -street.road[-1] + 0.4
        if street.crossing is not None:
            z = max(street.crossing - CROSSING_HALF - 5.5, 4.5)
        while x < street.road[1] - 0.6:
            strip(c, camera, x, x + 0.5, None, white, z, z + 3.5)
            x += 1.0
        z -= 1.6
        strip(c, camera, middle + 0.2, street.road[1] - 0.3, None, white, z, z + 0.45)
    if dice.chance(0.35):
        _arrow(c, camera, (middle + street.road[1]) / 2, dice.uniform(5, 9), dice.integer(3), white)


def _arrow(c: Canvas, camera: Camera, x: float, z: float, turn: int, white: Colour) -> None:
    outline = [(-0.08, 0.0), (0.08, 0.0), (0.08, 2.2), (-0.08, 2.2)]
    head = [(-0.32, 2.1), (0.32, 2.1), (0.0, 3.6)]
    if turn:
        side = 2 * turn - 3
        head = [(side * 0.1, 1.5), (side * 0.1, 2.8), (side * 0.8, 2.1)]
    for shape in (outline, head):
        c.polygon([camera.project(x + dx, 0, z + dz) for dx, dz in shape], None, white)


def strip(
    c: Canvas,
    camera: Camera,
    left: float,
    right: float,
    name: str | None,
    colour: Colour,
    near: float = NEAR,
    far: float = FAR,
) -> None:
    """A piece of ground between two X and two Z, in metres."""
    corners = [(left, near), (right, near), (right, far), (left, far)]
    c.polygon([camera.project(x, 0, z) for x, z in corners], name, colour)


def disc(camera: Camera, x: float, z: float, radius: float) -> list[Point]:
    """The outline of a circle on the ground."""
    ring = [(1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7)]
    return [camera.project(x + radius * u, 0, max(z + radius * v, 0.8)) for u, v in ring]


def surface(c: Canvas, camera: Camera, shadows: Sequence[Sequence[Point]]) -> None:
    """Give the painted ground its grain, the shadows that fall on it, and the haze.

    The grain is looked up in tiles by whole numbers of texels, so it recedes in perspective.
    """
    first = int(camera.horizon) + 2
    depths = [camera.depth(row + 0.5) for row in range(first, c.height)]
    rows_z = np.array([int(z * _TEXELS) for z in depths], np.int32)
    # Texels per pixel in 4096ths; grain finer than a pixel fades.
    steps = np.array([int(z / camera.focal * _TEXELS * 4096) for z in depths], np.int32)
    fade = np.array([min(int(256 * camera.focal / (z * 20)), 256) for z in depths], np.int16)
    columns = np.arange(c.width, dtype=np.int32) - int(camera.centre)
    texel = columns[None, :] * steps[:, None]
    texel >>= 12
    texel &= 255
    texel += ((rows_z & 255) << 8)[:, None]
    texel += _KIND[c.labels[first:]]
    gain = _tiles()[texel]
    gain *= fade[:, None]
    gain >>= 8
    gain += 128
    mask = np.zeros((c.height, c.width), np.uint8)
    for shadow in shadows:
        outline = np.rint(np.clip(np.array(shadow), -1e4, 1e4)).astype(np.int32)
        cv2.fillPoly(mask, [outline], 120 if c.weather.sun else 80)
    soft = cv2.GaussianBlur(mask[first:], (0, 0), c.thin(1.5))
    gain *= 128 - (soft.astype(np.int16) >> 1)  # at most 255 · 128, which int16 holds
    gain >>= 7
    # (rows, width * 3) from here on: NumPy is slow where the last axis is short.
    flat = c.image[first:].reshape(len(depths), -1)
    lit = flat.astype(np.uint16)
    lit *= cv2.merge([gain.astype(np.uint16)] * 3).reshape(lit.shape)
    lit >>= 7
    np.minimum(lit, 255, out=lit)
    haze = np.array([[int(c.weather.haze(z) * 256)] for z in depths], np.uint16)
    haze = haze[: np.count_nonzero(haze > 2)]  # near by it is not seen
    hazy = lit[: len(haze)]
    hazy *= 256 - haze
    hazy += haze * np.array([int(value) for value in c.weather.fog] * c.width, np.uint16)
    hazy >>= 8
    flat[:] = lit


# Where each kind of ground starts in the tiles.
_KIND = np.full(256, 2 << 16, np.int32)
_KIND[CLASS["road"]] = 0
_KIND[CLASS["sidewalk"]] = 1 << 16


@cache
def _tiles() -> NDArray[np.int16]:
    """Asphalt, slabs and grass, each 256x256 and one after the other; 0 is no change."""
    asphalt = noise_tile(1, 1.2, 1.2, 9)
    slabs = noise_tile(2, 3.0, 3.0, 40).copy()
    # 32 texels are 0.67 m; every slab has a shade of its own.
    own = random_bytes(3, 64).reshape(8, 8).repeat(32, 0).repeat(32, 1) >> 3
    slabs = np.clip(slabs.astype(np.int32) + own - 16, 0, 255).astype(np.uint8)
    for k in range(0, 256, 32):
        slabs[k : k + 3] = 84
        slabs[:, k : k + 3] = 84
    grass = noise_tile(4, 1.3, 2.2, 56)
    return np.stack([asphalt, slabs, grass]).reshape(-1).astype(np.int16) - 128
