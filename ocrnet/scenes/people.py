"""People and what they ride, each painted upright at a foot point.

`x`, `y`: foot point in pixels; `m`: pixels per metre there.
"""

import numpy as np

from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import CLOTHES, PAINTS, TYRE, pick, shadow


def person(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A pedestrian, 1.5 to 1.95 m."""
    tall = m * rng.uniform(1.5, 1.95)
    shadow(c, x, y, tall * 0.2)
    _figure(c, rng, x, y, tall, "person", step=rng.uniform(0.02, 0.12) * tall)


def _figure(
    c: Canvas, rng: np.random.Generator, x: float, foot: float, tall: float, name: str, step: float
) -> None:
    top, trousers = pick(rng, CLOTHES), shade(pick(rng, CLOTHES), 0.6)
    skin = shade((205, 160, 130), rng.uniform(0.4, 1.1))
    hip = foot - tall * 0.48
    for side in (-1, 1):
        c.line((x, hip), (x + side * step, foot), tall * 0.075, name, trousers)
    shoulder = foot - tall * 0.82
    half = tall * 0.125
    c.polygon(
        [(x - half, shoulder), (x + half, shoulder), (x + half * 0.8, hip), (x - half * 0.8, hip)],
        name,
        top,
    )
    for side in (-1, 1):
        hand = (x + side * half * rng.uniform(0.9, 1.8), hip)
        c.line((x + side * half, shoulder + tall * 0.02), hand, tall * 0.05, name, top)
    c.ellipse(x, foot - tall * 0.92, tall * 0.06, tall * 0.08, name, skin)
    hair = (x, foot - tall * 0.96, tall * 0.06, tall * 0.045)
    c.ellipse(*hair, name, shade((60, 42, 30), rng.uniform(0.3, 2)))


def bicycle(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A bicycle seen from the side, on its own or under a rider."""
    colour = shade(pick(rng, PAINTS), 0.8)
    radius, base = m * 0.34, m * 0.52 * rng.uniform(0.85, 1.05)
    shadow(c, x, y, m * 0.9)
    for side in (-1, 1):
        hub = (x + side * base, y - radius)
        c.ellipse(*hub, radius, radius, "bicycle", TYRE)
        c.ellipse(*hub, radius * 0.78, radius * 0.78, "bicycle", (112, 112, 110))
        c.line((hub[0] - radius * 0.7, hub[1]), (hub[0] + radius * 0.7, hub[1]), 1, None, TYRE)
    saddle, bars, pedal = (x - base * 0.4, y - m * 0.9), (x + base * 0.7, y - m), (x, y - radius)
    for start, end in (
        (pedal, saddle),
        (pedal, bars),
        (saddle, bars),
        (pedal, (x - base, y - radius)),
        (bars, (x + base, y - radius)),
    ):
        c.line(start, end, m * 0.07, "bicycle", colour)
    c.line(
        (saddle[0] - m * 0.12, saddle[1]),
        (saddle[0] + m * 0.12, saddle[1]),
        m * 0.08,
        "bicycle",
        TYRE,
    )


def motorcycle(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A motorcycle or scooter seen from the side: fat wheels, a body, a tank."""
    colour = pick(rng, PAINTS)
    radius, base = m * 0.33, m * 0.68
    shadow(c, x, y, m * 1.1)
    for side in (-1, 1):
        c.ellipse(x + side * base, y - radius, radius, radius, "motorcycle", TYRE)
        c.ellipse(
            x + side * base, y - radius, radius * 0.5, radius * 0.5, "motorcycle", (150, 150, 150)
        )
    body = [
        (x - base * 1.1, y - m * 0.86),
        (x - base * 0.2, y - m * 0.8),
        (x + base * 0.3, y - m * 1.0),
        (x + base * 0.8, y - m * 1.12),
        (x + base * 0.95, y - radius),
        (x + base * 0.1, y - m * 0.28),
        (x - base * 0.8, y - m * 0.45),
    ]
    c.polygon(body, "motorcycle", colour)
    c.polygon(
        [(x - base * 0.4, y - m * 0.3), (x + base * 0.3, y - m * 0.3), (x, y - m * 0.6)],
        None,
        (70, 70, 72),
    )
    c.line(
        (x + base * 0.75, y - m * 1.1), (x + base * 0.5, y - m * 1.2), m * 0.06, "motorcycle", TYRE
    )


def rider_on(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A rider on a bicycle or on a motorcycle."""
    mount = bicycle if rng.random() < 0.55 else motorcycle
    mount(c, rng, x, y, m)
    _figure(c, rng, x - m * 0.1, y - m * 0.35, m * 1.45, "rider", step=m * 0.12)
    if mount is motorcycle or rng.random() < 0.5:
        c.ellipse(x - m * 0.1, y - m * 1.7, m * 0.13, m * 0.14, "rider", pick(rng, PAINTS))
