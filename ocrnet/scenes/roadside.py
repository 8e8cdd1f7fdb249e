"""What stands beside the road: trees, bushes, poles with signs and lights.

`x`, `y`: foot point in pixels; `m`: pixels per metre there.
"""

import numpy as np

from ocrnet.scenes.canvas import Canvas, Colour, shade


def tree(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A tree: trunk and a crown of blobs; both are vegetation."""
    tall, spread = m * rng.uniform(3.5, 8.0), m * rng.uniform(1.2, 2.4)
    c.polygon(
        [
            (x - m * 0.16, y),
            (x + m * 0.16, y),
            (x + m * 0.08, y - tall * 0.6),
            (x - m * 0.08, y - tall * 0.6),
        ],
        "vegetation",
        (82, 66, 50),
    )
    green = shade((62, 96, 42), rng.uniform(0.6, 1.35))
    for _ in range(12):
        at_x = x + rng.uniform(-0.75, 0.75) * spread
        at_y = y - tall * rng.uniform(0.48, 0.95)
        size = spread * rng.uniform(0.3, 0.6)
        c.ellipse(at_x, at_y, size, size * 0.85, "vegetation", shade(green, rng.uniform(0.7, 1.25)))


def bush(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A hedge or a bush at knee to head height."""
    green = shade((70, 104, 48), rng.uniform(0.6, 1.3))
    for k in range(7):
        size = m * rng.uniform(0.35, 0.75)
        c.ellipse(
            x + (k - 3) * m * 0.4,
            y - size * 0.8,
            size,
            size,
            "vegetation",
            shade(green, rng.uniform(0.75, 1.2)),
        )


def pole(c: Canvas, rng: np.random.Generator, x: float, y: float, m: float) -> None:
    """A lamp post, a sign post or a traffic light."""
    grey = shade((128, 128, 126), rng.uniform(0.55, 1.25))
    tall = m * rng.uniform(2.8, 5.5)
    thick = max(m * rng.uniform(0.13, 0.22), 2)
    c.line((x, y), (x, y - tall), thick, "pole", grey)
    kind = rng.random()
    if kind < 0.4:
        half, high = max(m * 0.2, 2), max(m * 0.95, 6)
        for at in (x, x + m * 1.5)[: 1 + int(rng.random() < 0.35)]:
            if at != x:
                c.line((x, y - tall * 0.97), (at, y - tall * 0.97), thick * 0.7, "pole", grey)
            c.box(
                at - half,
                y - tall - high * 0.4,
                at + half,
                y - tall + high * 0.6,
                "traffic light",
                (28, 28, 26),
            )
            lit = int(rng.integers(3))
            lamps: list[Colour] = [(235, 40, 30), (245, 180, 30), (60, 220, 110)]
            for k, colour in enumerate(lamps):
                lamp_y = y - tall - high * 0.4 + high * (0.2 + 0.3 * k)
                c.ellipse(
                    at,
                    lamp_y,
                    half * 0.6,
                    high * 0.11,
                    None,
                    colour if k == lit else shade(colour, 0.25),
                )
    elif kind < 0.85:
        half = m * rng.uniform(0.36, 0.55)
        top = y - tall
        shape = rng.random()
        if shape < 0.35:
            c.ellipse(x, top, half, half, "traffic sign", (200, 25, 30))
            c.ellipse(x, top, half * 0.7, half * 0.7, "traffic sign", (240, 240, 240))
        elif shape < 0.6:
            c.polygon(
                [(x - half, top + half * 0.8), (x + half, top + half * 0.8), (x, top - half)],
                "traffic sign",
                (205, 30, 35),
            )
            c.polygon(
                [
                    (x - half * 0.6, top + half * 0.55),
                    (x + half * 0.6, top + half * 0.55),
                    (x, top - half * 0.5),
                ],
                "traffic sign",
                (245, 235, 215),
            )
        elif shape < 0.8:
            c.box(x - half, top - half, x + half, top + half, "traffic sign", (30, 80, 175))
            c.box(
                x - half * 0.2,
                top - half * 0.6,
                x + half * 0.2,
                top + half * 0.6,
                "traffic sign",
                (240, 240, 240),
            )
        else:
            c.box(
                x - half * 2,
                top - half,
                x + half * 2,
                top + half * 0.5,
                "traffic sign",
                (235, 195, 40),
            )
            c.box(
                x - half * 1.6,
                top - half * 0.4,
                x + half * 1.6,
                top - half * 0.1,
                None,
                (30, 30, 30),
            )
    else:
        reach = m * rng.uniform(0.8, 1.6) * (1 if rng.random() < 0.5 else -1)
        c.line((x, y - tall), (x + reach, y - tall * 1.04), thick * 0.6, "pole", grey)
        c.ellipse(x + reach, y - tall * 1.04, m * 0.3, m * 0.1, "pole", shade(grey, 1.2))
