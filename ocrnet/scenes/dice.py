"""Chance that falls alike on every machine, and texture tiles made of it."""

import random
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Dice:
    """Draws from Python's `random.random`, whose sequence is promised for ever.

    Everything else is plain float arithmetic in Python, where no compiler fuses operations.
    """

    def __init__(self, seed: int):
        self.random = random.Random(seed).random

    def uniform(self, low: float, high: float) -> float:
        """A number between two others."""
        return low + (high - low) * self.random()

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random() < probability

    def integer(self, end: int) -> int:
        """A whole number from 0 to end - 1."""
        return int(self.random() * end)

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.random() * len(options))]

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self.random() < 0.5 else -1

    def count(self, mean: float) -> int:
        """A count from 0 to about twice the mean."""
        return int(mean * 2 * self.random() + self.random())

    def seed(self) -> int:
        """A seed for further dice, so that what they are used for does not move these."""
        return int(self.random() * 2**53)


def random_bytes(seed: int, count: int) -> NDArray[np.uint8]:
    """Raw output of PCG64, which NumPy promises to keep (it may change what Generator returns)."""
    words: NDArray[np.uint64] = np.random.PCG64(seed).random_raw(-(-count // 8))
    return words.astype("<u8", copy=False).view(np.uint8)[:count]


@cache
def noise_tile(seed: int, blur_x: float, blur_y: float, contrast: int) -> NDArray[np.uint8]:
    """A blurred 256x256 noise tile around 128; contrast in 1/16 of the full range."""
    tile = random_bytes(seed, 1 << 16).reshape(256, 256)
    smooth = cv2.GaussianBlur(tile, (0, 0), sigmaX=blur_x, sigmaY=blur_y)
    spread = (smooth.astype(np.int32) - 128) * contrast // 16 + 128
    return np.clip(spread, 0, 255).astype(np.uint8)
