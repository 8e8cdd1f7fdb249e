"""What is asked for: kinds of request, their shares, and the pictures that are sent."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from benchmarks.lib.scene_files import scene_png
from ocrnet.errors import InputError
from ocrnet.inference.options import Mode, parse_size
from ocrnet.zoo import Size

NAMED: dict[str, str] = {
    "small": "256x512:slide=1",
    "street": "512x1024:whole=7,1024x2048:slide=3",
    "large": "1024x2048:slide=1",
    "mixed": "256x512:slide=6,512x1024:whole=3,1024x2048:slide=1",
}
_SMALLEST, _LARGEST = 32, 8192  # a side, in pixels: of a scene, and what can be drawn in seconds


@dataclass(frozen=True)
class RequestKind:
    """One kind of request: a picture's size and how it is segmented."""

    size: Size
    mode: Mode

    def __str__(self) -> str:
        return f"{self.size}:{self.mode}"

    @property
    def query(self) -> dict[str, str]:
        """The URL's parameters."""
        return {"mode": self.mode}

    def picture(self) -> bytes:
        """Return a drawn scene as PNG, the same bytes each time."""
        return scene_png(self.size.height, self.size.width)


Mix = Mapping[RequestKind, float]  # the weight of each, above 0


def parse_mix(text: str) -> Mix:
    """Read the name of a mix, or `HEIGHTxWIDTH:MODE=WEIGHT` as often as wanted, with commas.

    Raises InputError.
    """
    mix: dict[RequestKind, float] = {}
    for part in NAMED.get(text, text).split(","):
        what, _, weight = part.partition("=")
        size, _, mode = what.partition(":")
        kind = RequestKind(_size(size.strip(), text), _mode(mode.strip(), text))
        if kind in mix:
            raise _refusal(text, f"{kind} stands there twice")
        mix[kind] = _weight(weight.strip(), text)
    return mix


def turns(mix: Mix) -> Iterator[RequestKind]:
    """Yield kinds without end, so that every stretch has their shares as nearly as can be."""
    total = sum(mix.values())
    credit = dict.fromkeys(mix, 0.0)
    while True:
        for kind, weight in mix.items():
            credit[kind] += weight / total
        chosen = max(credit, key=lambda kind: credit[kind])
        credit[chosen] -= 1
        yield chosen


def _size(text: str, mix: str) -> Size:
    try:
        size = parse_size("size", text, _SMALLEST, _LARGEST)
    except InputError as error:
        raise _refusal(mix, str(error)) from None
    assert size is not None  # it is of no text alone
    return size


def _mode(text: str, mix: str) -> Mode:
    for mode in get_args(Mode):
        if text == mode:
            return mode  # type: ignore[no-any-return]
    raise _refusal(mix, f"the mode is {text[:40]!r}: it takes {' or '.join(get_args(Mode))}")


def _weight(text: str, mix: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise _refusal(mix, f"the weight is {text[:40]!r}: it takes a number above 0")
    return weight


def _refusal(mix: str, reason: str) -> InputError:
    return InputError(
        f"the mix {mix[:80]!r}: {reason}; a mix is {', '.join(NAMED)} or such as {NAMED['street']}"
    )
