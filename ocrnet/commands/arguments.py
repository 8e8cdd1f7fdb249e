"""Types of command-line arguments: what is wrong with one is said, and what would be right."""

import argparse
import math
from collections.abc import Callable

from ocrnet.errors import InvalidOption
from ocrnet.inference.options import parse_size
from ocrnet.zoo import Size


def at_least(smallest: int) -> Callable[[str], int]:
    """Parse whole numbers of at least `smallest`."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {smallest}")
        return int(text)

    return number


def positive(text: str) -> int:
    """Parse a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def finite(text: str) -> float:
    """Parse a number; nan and inf, which bound nothing, are none."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def seconds(text: str) -> float:
    """Parse seconds: above 0, and finite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def size(text: str) -> Size:
    """Parse HEIGHTxWIDTH in pixels, up to 8192 a side."""
    try:
        value = parse_size("size", text, 1, 8192)
    except InvalidOption as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    assert value is not None
    return value
