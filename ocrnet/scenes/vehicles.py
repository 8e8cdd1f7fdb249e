"""Cars, lorries, buses and trams, each painted upright at a foot point.

`x`, `y`: foot point in pixels; `m`: pixels per metre there.
"""

import numpy as np

from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import GLASS, PAINTS, TYRE, pick, shadow


def car(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A car from behind, from the front or from the side."""
    paint = pick(rng, PAINTS)
    tall = m * rng.uniform(1.4, 1.65)
    side_view = rng.random() < 0.4
    half = (m * rng.uniform(4.0, 4.6) if side_view else m * rng.uniform(1.7, 1.9)) / 2
    shadow(c, x, y, half * 1.1)
    wheel = m * 0.32
    if side_view:
        roof, belt, sill = y - tall, y - tall * 0.6, y - tall * 0.16
        lean = 1 if rng.random() < 0.5 else -1
        cabin = [(-0.72, belt), (-0.45, roof), (0.3, roof), (0.58, belt)]
        c.polygon([(x + lean * half * k, v) for k, v in cabin], "car", paint)
        glass = [(-0.6, belt), (-0.4, roof + tall * 0.07), (0.26, roof + tall * 0.07), (0.48, belt)]
        c.polygon([(x + lean * half * k, v) for k, v in glass], "car", GLASS)
        hull = [
            (-1, belt + tall * 0.05),
            (0.55, belt),
            (0.97, belt + tall * 0.1),
            (1, sill),
            (-1, sill),
        ]
        c.polygon([(x + lean * half * k, v) for k, v in hull], "car", shade(paint, 0.92))
        c.line((x - half * 0.05, belt), (x - half * 0.05, sill), 1, None, shade(paint, 0.6))
        for k in (-0.62, 0.62):
            c.ellipse(x + half * k, y - wheel, wheel, wheel, "car", TYRE)
            c.ellipse(x + half * k, y - wheel, wheel * 0.55, wheel * 0.55, "car", (140, 140, 142))
        return
    rear = rng.random() < 0.6
    for k in (-0.78, 0.78):
        c.box(x + half * k - wheel * 0.35, y - wheel, x + half * k + wheel * 0.35, y, "car", TYRE)
    belt = y - tall * 0.58
    c.polygon(
        [
            (x - half * 0.95, belt),
            (x - half * 0.7, y - tall),
            (x + half * 0.7, y - tall),
            (x + half * 0.95, belt),
        ],
        "car",
        paint,
    )
    c.polygon(
        [
            (x - half * 0.82, belt),
            (x - half * 0.62, y - tall * 0.94),
            (x + half * 0.62, y - tall * 0.94),
            (x + half * 0.82, belt),
        ],
        "car",
        GLASS,
    )
    c.box(x - half, belt, x + half, y - tall * 0.14, "car", shade(paint, 0.9))
    c.box(x - half, y - tall * 0.24, x + half, y - tall * 0.14, "car", shade(paint, 0.5))
    lamp = (190, 20, 20) if rear else (240, 240, 215)
    for k in (-1, 1):
        inner, outer = sorted((x + k * half * 0.62, x + k * half * 0.97))
        c.box(inner, belt + tall * 0.06, outer, belt + tall * 0.18, None, lamp)
    c.box(x - half * 0.28, y - tall * 0.36, x + half * 0.28, y - tall * 0.28, None, (232, 232, 225))


def truck(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A lorry: a plain box behind or beside a cab."""
    cargo = (
        shade((205, 205, 200), rng.uniform(0.5, 1.15)) if rng.random() < 0.6 else pick(rng, PAINTS)
    )
    tall, wheel = m * rng.uniform(3.2, 3.9), m * 0.5
    if rng.random() < 0.45:
        half = m * rng.uniform(3.2, 4.2)
        shadow(c, x, y, half * 1.05)
        split = x + half * 0.55
        c.box(x - half, y - tall, split, y - m * 0.85, "truck", cargo)
        c.box(x - half, y - m * 0.85, split, y - m * 0.5, "truck", (45, 45, 48))
        cab = pick(rng, PAINTS)
        c.polygon(
            [
                (split + m * 0.1, y - m * 2.7),
                (x + half * 0.9, y - m * 2.7),
                (x + half, y - m * 1.5),
                (x + half, y - m * 0.4),
                (split + m * 0.1, y - m * 0.4),
            ],
            "truck",
            cab,
        )
        c.polygon(
            [
                (split + m * 0.7, y - m * 2.5),
                (x + half * 0.87, y - m * 2.5),
                (x + half * 0.96, y - m * 1.6),
                (split + m * 0.7, y - m * 1.6),
            ],
            "truck",
            GLASS,
        )
        for k in (-0.75, -0.4, 0.75):
            c.ellipse(x + half * k, y - wheel, wheel, wheel, "truck", TYRE)
            c.ellipse(x + half * k, y - wheel, wheel * 0.4, wheel * 0.4, "truck", (150, 150, 150))
        return
    half = m * 1.25
    shadow(c, x, y, half * 1.1)
    for k in (-0.75, 0.75):
        c.box(x + half * k - m * 0.25, y - m * 0.9, x + half * k + m * 0.25, y, "truck", TYRE)
    c.box(x - half, y - tall, x + half, y - m * 0.75, "truck", cargo)
    c.line((x, y - tall * 0.98), (x, y - m * 0.8), max(m * 0.04, 1), None, shade(cargo, 0.6))
    c.box(x - half, y - m * 0.75, x + half, y - m * 0.5, "truck", (50, 50, 52))
    for k in (-0.85, 0.85):
        c.box(
            x + half * k - m * 0.12,
            y - m * 0.72,
            x + half * k + m * 0.12,
            y - m * 0.56,
            None,
            (190, 25, 20),
        )


def bus(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A bus: one box with a band of windows, doors and a lit number."""
    paint = pick(
        rng, [(205, 40, 35), (235, 190, 40), (40, 100, 170), (225, 225, 220), (60, 140, 80)]
    )
    tall = m * rng.uniform(2.9, 3.2)
    if rng.random() < 0.55:
        half = m * rng.uniform(4.2, 5.6)
        shadow(c, x, y, half * 1.03)
        c.box(x - half, y - tall, x + half, y - m * 0.3, "bus", paint)
        panes = int(rng.integers(5, 8))
        for k in range(panes):
            left = x - half * 0.95 + k * half * 1.9 / panes
            bottom = y - m * 0.5 if k in (1, panes - 1) else y - tall * 0.48
            c.box(left, y - tall * 0.86, left + half * 1.72 / panes, bottom, "bus", GLASS)
        for at in (-0.62, 0.66):
            c.ellipse(x + half * at, y - m * 0.48, m * 0.48, m * 0.48, "bus", TYRE)
        return
    half = m * 1.28
    shadow(c, x, y, half * 1.1)
    for at in (-0.8, 0.8):
        c.box(x + half * at - m * 0.16, y - m * 0.5, x + half * at + m * 0.16, y, "bus", TYRE)
    c.box(x - half, y - tall, x + half, y - m * 0.3, "bus", paint)
    c.box(x - half * 0.9, y - tall * 0.8, x + half * 0.9, y - tall * 0.36, "bus", GLASS)
    c.box(x - half * 0.6, y - tall * 0.95, x + half * 0.6, y - tall * 0.84, None, (30, 25, 10))
    c.box(x - half * 0.3, y - tall * 0.93, x + half * 0.3, y - tall * 0.86, None, (250, 180, 40))
    for at in (-0.75, 0.75):
        c.ellipse(x + half * at, y - tall * 0.22, m * 0.14, m * 0.12, None, (245, 245, 220))


def train(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A tram: long, on rails, with a stripe, a skirt over the wheels and a pantograph."""
    paint = pick(rng, [(215, 210, 195), (180, 190, 200), (200, 60, 45), (90, 120, 90)])
    stripe = pick(rng, [(190, 25, 30), (30, 60, 130), (230, 180, 30)])
    half, tall = m * rng.uniform(6.0, 9.0), m * rng.uniform(3.3, 3.6)
    c.box(x - half * 1.2, y - m * 0.06, x + half * 1.2, y + m * 0.04, None, (150, 145, 140))
    cars = int(rng.integers(2, 4))
    for k in range(cars):
        left, right = x - half + 2 * half * k / cars, x - half + 2 * half * (k + 0.97) / cars
        c.box(left, y - tall, right, y - m * 0.12, "train", paint)
        c.box(left, y - tall * 0.42, right, y - tall * 0.32, "train", stripe)
        c.box(left, y - m * 0.35, right, y - m * 0.1, "train", (55, 55, 58))
        panes = 4
        for pane in range(panes):
            start = left + (right - left) * (pane + 0.12) / panes
            c.box(
                start,
                y - tall * 0.86,
                start + (right - left) * 0.76 / panes,
                y - tall * 0.5,
                "train",
                GLASS,
            )
    c.box(x - half, y - tall * 1.05, x + half, y - tall, "train", (95, 95, 98))
    c.polygon(
        [
            (x - m * 0.6, y - tall * 1.05),
            (x, y - tall * 1.3),
            (x + m * 0.6, y - tall * 1.05),
            (x, y - tall * 1.24),
        ],
        "train",
        (50, 50, 50),
    )
