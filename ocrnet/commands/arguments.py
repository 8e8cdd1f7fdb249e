"""Types of command-line arguments: what is wrong with one is said, and what would be right."""

import argparse
import math
from collections.abc import Callable


def at_least(smallest: int) -> Callable[[str], int]:
    """Parse whole numbers of at least `smallest`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {smallest}")
        return int(text)

    return number


def positive(text: str) -> float:
    """Parse seconds: above 0, and finite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
