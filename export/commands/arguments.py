"""Kinds of argument that several subcommands take."""

import argparse
import math

from ocrnet.errors import InvalidOption
from ocrnet.inference.options import parse_size
from ocrnet.zoo import Size


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def finite(text: str) -> float:
    """A number; nan and inf, which bound nothing, are none."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def size(text: str) -> Size:
    """HEIGHTxWIDTH in pixels, up to 8192 a side."""
    try:
        value = parse_size("size", text, 1, 8192)
    except InvalidOption as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    assert value is not None
    return value
