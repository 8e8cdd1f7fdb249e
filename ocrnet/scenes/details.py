"""Colours that several kinds of things share: a colour alone must not give a class away."""

from ocrnet.scenes.canvas import shade
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.weather import Colour

TYRE: Colour = (24, 24, 26)
GLASS: Colour = (60, 74, 88)
LIT: Colour = (250, 214, 140)
WHITE: Colour = (225, 225, 218)
PAINTS: list[Colour] = [
    (170, 20, 25), (20, 40, 120), (225, 225, 225), (30, 30, 32), (120, 122, 125),
    (190, 190, 185), (40, 90, 60), (210, 160, 30), (90, 60, 40), (60, 110, 160),
]  # fmt: skip
CLOTHES: list[Colour] = [
    (160, 30, 40), (40, 60, 130), (30, 30, 30), (200, 200, 195), (70, 110, 60),
    (190, 150, 60), (110, 70, 120), (90, 90, 95), (210, 100, 40), (120, 90, 64),
]  # fmt: skip
MASONRY: list[Colour] = [
    (188, 170, 140), (150, 90, 70), (170, 165, 160), (205, 200, 190), (120, 110, 105),
    (160, 130, 100), (190, 150, 120), (110, 120, 130), (138, 84, 66), (148, 150, 128),
]  # fmt: skip


def pick(dice: Dice, colours: list[Colour]) -> Colour:
    """Take one of the colours, a little lighter or darker."""
    return shade(dice.choice(colours), dice.uniform(0.8, 1.2))
