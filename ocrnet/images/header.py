"""What is known of a picture before a pixel of it is decoded."""

from dataclasses import dataclass
from typing import Literal

from ocrnet.errors import PictureTooLarge, UndecodablePicture
from ocrnet.zoo.spec import Size

ImageFormat = Literal["JPEG", "PNG", "WebP"]


@dataclass(frozen=True)
class ImageLimits:
    """What is accepted: bytes of the file, pixels, and pixels along a side."""

    max_bytes: int = 20 * 2**20
    max_pixels: int = 50_000_000
    max_side: int = 16_384


@dataclass(frozen=True)
class ImageHeader:
    """A file that was found whole.

    size: upright, that is after the EXIF orientation (1 to 8). decode_bytes: memory that
    decoding takes at its peak, the result included. file: what the decoder gets. palette: of a
    PNG with one, its PLTE chunk, and how many bits an index has in `palette_bits`.
    """

    kind: ImageFormat
    size: Size
    orientation: int
    decode_bytes: int
    file: bytes
    palette: bytes | None = None
    palette_bits: int = 8


@dataclass(frozen=True)
class Stored:
    """What a file's own structure says: size as stored, orientation 1 to 8, what to decode.

    bytes_per_pixel: what decoding holds besides the result; more_bytes: and besides all pixels.
    """

    kind: ImageFormat
    size: Size
    orientation: int
    file: bytes
    bytes_per_pixel: int = 0
    more_bytes: int = 0
    palette: bytes | None = None
    palette_bits: int = 8


def damaged(kind: ImageFormat, what: str) -> UndecodablePicture:
    """Say that a file does not decode, and why."""
    return UndecodablePicture(f"the {kind} picture is damaged: {what}")


def truncated(kind: ImageFormat) -> UndecodablePicture:
    """Say that a file ends too early."""
    return UndecodablePicture(
        f"the {kind} picture is cut off: the end of the file is missing", code="truncated_image"
    )


def animated(kind: ImageFormat) -> UndecodablePicture:
    """Say that a file holds more than one picture to show."""
    return UndecodablePicture(
        f"the {kind} picture is animated: send one frame", code="animated_image"
    )


def check_size(size: Size, limits: ImageLimits) -> None:
    """Raise UndecodablePicture for no pixels at all, PictureTooLarge for too many."""
    if size.width < 1 or size.height < 1:
        raise UndecodablePicture(f"the picture's header says {size} pixels")
    if size.pixels > limits.max_pixels:
        raise PictureTooLarge(
            f"the picture has {size} = {size.pixels} pixels, {limits.max_pixels} are allowed",
            "too_many_pixels",
            limit=limits.max_pixels,
            actual=size.pixels,
        )
    longest = max(size.height, size.width)
    if longest > limits.max_side:
        raise PictureTooLarge(
            f"the picture has {size} pixels, a side may have {limits.max_side}",
            "side_too_long",
            limit=limits.max_side,
            actual=longest,
        )
