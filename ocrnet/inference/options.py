"""What a request may ask for, and how that is read from text."""

import re
from dataclasses import dataclass
from typing import Literal

from ocrnet.errors import InvalidOption
from ocrnet.inference.stitching import Blend
from ocrnet.zoo.spec import Size

Mode = Literal["slide", "whole"]
Resize = Literal["none", "published"]

SMALLEST_CROP = 32
MOST_SCALES = 8
_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII)
_SCALE = re.compile(r"\d{1,7}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True)
class SegmentOptions:
    """How to segment. crop, stride: None takes the model's own; `whole` uses neither.

    overlap: share of the crop that neighbouring windows have in common, instead of stride.
    scales, flip: the views of test-time augmentation; flip adds each one's mirror image.
    """

    mode: Mode = "slide"
    crop: Size | None = None
    stride: Size | None = None
    overlap: float | None = None
    blend: Blend = "uniform"
    resize: Resize = "none"
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False


def parse_size(option: str, text: str | None, smallest: int, largest: int) -> Size | None:
    """Read HEIGHTxWIDTH, each side from `smallest` to `largest`; None stays None.

    Raises InvalidOption.
    """
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    size = Size(int(match[1]), int(match[2])) if match else None
    if size is None or not all(smallest <= side <= largest for side in (size.height, size.width)):
        raise InvalidOption(
            option,
            f"{option} is {text[:40]!r}: it takes HEIGHTxWIDTH, such as 512x1024, "
            f"each side from {smallest} to {largest}",
        )
    return size


def parse_scales(text: str | None) -> tuple[float, ...]:
    """Read different scales separated by commas; None is scale 1. Raises InvalidOption."""
    if text is None:
        return (1.0,)
    items = text.split(",", MOST_SCALES)
    scales = tuple(float(item) if _SCALE.fullmatch(item) else 0.0 for item in items)
    if len(items) > MOST_SCALES or 0 in scales or len(set(scales)) < len(scales):
        raise InvalidOption(
            "scales",
            f"scales is {text[:40]!r}: it takes 1 to {MOST_SCALES} different numbers above 0, "
            "separated by commas, such as 0.75,1.0,1.25",
        )
    return scales
