"""What the street itself is made of: sky, ground, road, pavements and the rows along them."""

import numpy as np

from ocrnet.scenes.camera import Camera
from ocrnet.scenes.canvas import Canvas, Colour, shade

_NEAR = 1.2  # metres ahead of the camera where the ground leaves the picture
_FAR = 160.0
_PLASTER: list[Colour] = [
    (188, 170, 140),
    (150, 90, 70),
    (170, 165, 160),
    (205, 200, 190),
    (120, 110, 105),
    (160, 130, 100),
    (190, 150, 120),
    (110, 120, 130),
]


def sky(c: Canvas, rng: np.random.Generator, camera: Camera) -> None:
    """A vertical gradient and clouds."""
    top = np.array([(95, 140, 205), (150, 165, 180), (200, 205, 210)][int(rng.integers(3))])
    low = np.array([205, 215, 225]) * rng.uniform(0.85, 1.1)
    ramp = np.linspace(0, 1, c.height)[:, None, None]
    c.image[:] = np.clip(top + (low - top) * ramp, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        x, y = rng.uniform(0, c.width), rng.uniform(0, camera.horizon * 0.8)
        for _ in range(5):
            spread = c.height * rng.uniform(0.02, 0.06)
            grey = rng.uniform(205, 245)
            c.ellipse(
                x + rng.uniform(-2, 2) * spread,
                y + rng.uniform(-0.4, 0.4) * spread,
                spread * 1.8,
                spread * 0.5,
                None,
                (grey, grey, grey),
            )


def ground(c: Canvas, rng: np.random.Generator, camera: Camera, road: float, walk: float) -> None:
    """Terrain up to the horizon, pavements and the road on top. Half widths in metres."""
    terrain = shade((118, 128, 70), rng.uniform(0.75, 1.2))
    if rng.random() < 0.3:
        terrain = shade((140, 118, 84), rng.uniform(0.8, 1.15))
    c.box(0, camera.horizon, c.width, c.height, "terrain", terrain)
    paving = shade((158, 150, 145), rng.uniform(0.75, 1.2))
    strip(c, camera, -walk, walk, "sidewalk", paving)
    for side in (-1, 1):
        for z in np.geomspace(2.0, 40.0, 14):
            seam = [camera.project(side * road, 0, z), camera.project(side * walk, 0, z)]
            c.line(seam[0], seam[1], 1, None, shade(paving, 0.85))
        strip(c, camera, side * road, side * (road + 0.22), "sidewalk", shade(paving, 1.18))
    asphalt = shade((92, 92, 96), rng.uniform(0.65, 1.25))
    strip(c, camera, -road, road, "road", asphalt)
    white = shade((225, 225, 218), rng.uniform(0.85, 1.05))
    dash, gap = rng.uniform(2, 4), rng.uniform(3, 6)
    for z in np.arange(rng.uniform(0.5, 3), 60, dash + gap):
        strip(c, camera, -0.08, 0.08, None, white, max(z, _NEAR), max(z + dash, _NEAR + 0.1))
    for side in (-1, 1):
        strip(c, camera, side * (road - 0.35), side * (road - 0.22), None, white)
    if rng.random() < 0.4:
        z = rng.uniform(6, 18)
        for x in np.arange(-road + 0.5, road - 0.5, 1.0):
            strip(c, camera, x, x + 0.5, None, white, z, z + 3.5)
    for _ in range(int(rng.integers(0, 4))):
        x, z = rng.uniform(-road * 0.8, road * 0.7), rng.uniform(3, 25)
        patch = shade(asphalt, rng.uniform(0.75, 1.15))
        strip(c, camera, x, x + rng.uniform(0.5, 1.8), None, patch, z, z + rng.uniform(1, 4))


def strip(
    c: Canvas,
    camera: Camera,
    left: float,
    right: float,
    name: str | None,
    colour: Colour,
    near: float = _NEAR,
    far: float = _FAR,
) -> None:
    """A piece of ground between two X and two Z, in metres."""
    corners = [(left, near), (right, near), (right, far), (left, far)]
    c.polygon([camera.project(x, 0, z) for x, z in corners], name, colour)


def skyline(c: Canvas, rng: np.random.Generator, camera: Camera) -> None:
    """Far houses and trees on the horizon."""
    x = -0.05 * c.width
    while x < c.width:
        wide, high = c.height * rng.uniform(0.05, 0.2), c.height * rng.uniform(0.02, 0.15)
        haze = rng.uniform(0.9, 1.15)
        if rng.random() < 0.6:
            colour = shade((150, 150, 155), haze * 0.95)
            c.box(x, camera.horizon - high, x + wide, camera.horizon + 2, "building", colour)
        else:
            for k in range(5):
                c.ellipse(
                    x + wide * k / 5,
                    camera.horizon - high * 0.3,
                    wide * 0.2,
                    high * 0.45,
                    "vegetation",
                    shade((96, 120, 92), haze * rng.uniform(0.8, 1.1)),
                )
        x += wide * rng.uniform(0.7, 1.1)


def roadside(c: Canvas, rng: np.random.Generator, camera: Camera, side: int, walk: float) -> None:
    """One side's row from far to near: buildings, walls, fences or open ground."""
    edges = [float(z) for z in np.cumsum(rng.uniform(5, 16, size=9)) + rng.uniform(-6, 2)]
    open_to = edges[int(rng.integers(2, 5))] if rng.random() < 0.3 else 0.0
    for near, far in reversed(list(zip([-2.0, *edges], edges, strict=False))):
        near = max(near, _NEAR)
        if far <= near:
            continue
        kind = rng.random()
        x = side * (walk + rng.uniform(0.0, 1.5))
        if far < open_to:
            kind = 0.8 + 0.2 * kind
        if kind < 0.55:
            _building(c, rng, camera, side * (walk + rng.uniform(0, 5)), near, far)
        elif kind < 0.75:
            _wall(c, rng, camera, x, near, far)
        elif kind < 0.93:
            _fence(c, rng, camera, x, near, far)


def _face(
    camera: Camera, x: float, low: float, high: float, near: float, far: float
) -> list[tuple[float, float]]:
    """The corners of an upright rectangle along the street, in pixels."""
    return [
        camera.project(x, y, z) for y, z in ((low, near), (low, far), (high, far), (high, near))
    ]


def _building(
    c: Canvas, rng: np.random.Generator, camera: Camera, x: float, near: float, far: float
) -> None:
    tall = rng.uniform(6, 20)
    plaster = shade(_PLASTER[int(rng.integers(len(_PLASTER)))], rng.uniform(0.75, 1.15))
    front = [
        camera.project(at_x, y, near) for at_x, y in ((x, 0), (x * 4, 0), (x * 4, tall), (x, tall))
    ]
    c.polygon(front, "building", shade(plaster, 0.8))
    c.polygon(_face(camera, x, 0, tall, near, far), "building", plaster)
    pane = shade((62, 72, 86), rng.uniform(0.6, 1.6))
    step_y, step_z = rng.uniform(2.6, 3.4), rng.uniform(1.8, 3.0)
    for y in np.arange(1.0, tall - 1.5, step_y):
        for z in np.arange(near + 0.6, far - 1.0, step_z):
            c.polygon(
                _face(camera, x, y, y + step_y * 0.52, z, z + step_z * 0.5),
                "building",
                shade(pane, rng.uniform(0.8, 1.2)),
            )
    if rng.random() < 0.5:
        shop = shade(_PLASTER[int(rng.integers(len(_PLASTER)))], 0.6)
        c.polygon(_face(camera, x, 2.7, 3.3, near, far), "building", shop)


def _wall(
    c: Canvas, rng: np.random.Generator, camera: Camera, x: float, near: float, far: float
) -> None:
    tall = rng.uniform(1.1, 2.6)
    stone = shade(
        [(148, 138, 126), (140, 90, 72), (172, 172, 168)][int(rng.integers(3))],
        rng.uniform(0.75, 1.15),
    )
    c.polygon(_face(camera, x, 0, tall, near, far), "wall", stone)
    for y in np.arange(0.3, tall, 0.3):
        c.line(camera.project(x, y, near), camera.project(x, y, far), 1, None, shade(stone, 0.78))
    c.polygon(_face(camera, x, tall - 0.12, tall + 0.06, near, far), "wall", shade(stone, 1.2))


def _fence(
    c: Canvas, rng: np.random.Generator, camera: Camera, x: float, near: float, far: float
) -> None:
    tall = rng.uniform(1.1, 2.0)
    colour = shade(
        [(96, 78, 60), (90, 95, 92), (60, 90, 70), (190, 190, 185)][int(rng.integers(4))],
        rng.uniform(0.8, 1.1),
    )
    behind = shade((106, 122, 84), rng.uniform(0.7, 1.1))
    c.polygon(_face(camera, x, 0.05, tall, near, far), "fence", behind)
    for z in np.arange(near, far, 0.32):
        c.polygon(_face(camera, x, 0, tall, z, z + 0.17), "fence", colour)
    for y in (0.25 * tall, 0.85 * tall):
        c.polygon(_face(camera, x, y, y + 0.1, near, far), "fence", shade(colour, 0.85))
