"""Colours and small details that several kinds of things share."""

import numpy as np

from ocrnet.scenes.canvas import Canvas, Colour, shade

TYRE: Colour = (22, 22, 24)
GLASS: Colour = (60, 74, 88)
PAINTS: list[Colour] = [
    (170, 20, 25), (20, 40, 120), (225, 225, 225), (30, 30, 32), (120, 122, 125),
    (190, 190, 185), (40, 90, 60), (210, 160, 30), (90, 60, 40), (60, 110, 160),
]  # fmt: skip
CLOTHES: list[Colour] = [
    (160, 30, 40), (40, 60, 130), (30, 30, 30), (200, 200, 195), (70, 110, 60),
    (190, 150, 60), (110, 70, 120), (90, 90, 95), (210, 100, 40),
]  # fmt: skip


def pick(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    """Take one of the colours, a little lighter or darker."""
    return shade(colours[int(rng.integers(len(colours)))], rng.uniform(0.8, 1.2))


def shadow(c: Canvas, x: float, y: float, half: float) -> None:
    """Darken the ground under a thing that is 2·half wide."""
    c.ellipse(x, y, half, half * 0.08, None, (38, 38, 42))
