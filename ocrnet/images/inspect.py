"""Judging a file by its content, before any pixel is decoded."""

from ocrnet.errors import PictureTooLarge, UndecodablePicture, UnsupportedPicture
from ocrnet.images.header import ImageHeader, ImageLimits
from ocrnet.images.jpeg import inspect_jpeg
from ocrnet.images.png import SIGNATURE, inspect_png
from ocrnet.images.webp import inspect_webp
from ocrnet.memory_errors import memory_errors
from ocrnet.zoo.spec import Size

_RGB = 3
_TURNED = frozenset({5, 6, 7, 8})  # orientations that swap height and width


def inspect_image(data: bytes, limits: ImageLimits) -> ImageHeader:
    """Find out what a JPEG, PNG or WebP file holds, and whether all of it is there.

    The structure is walked from end to end: a file that is cut off, whose checksums are wrong or
    that hides a bomb is refused here. No decoder is touched, so nothing large is allocated.

    Raises UnsupportedPicture, PictureTooLarge, UndecodablePicture, OutOfMemory, and WorkCancelled
    in a thread that nobody waits for any more.
    """
    with memory_errors():
        return _inspected(data, limits)


def _inspected(data: bytes, limits: ImageLimits) -> ImageHeader:
    if not data:
        raise UndecodablePicture("the picture is empty: 0 bytes", code="empty_image")
    if len(data) > limits.max_bytes:
        raise PictureTooLarge(
            f"the picture has {len(data)} bytes, {limits.max_bytes} are allowed",
            "too_many_bytes",
            limit=limits.max_bytes,
            actual=len(data),
        )
    if data[:3] in (b"\xff\xd8\xff", b"\xff\xd8"):  # the latter: nothing but a start
        stored = inspect_jpeg(data, limits)
    elif data.startswith(SIGNATURE):
        stored = inspect_png(data, limits)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        stored = inspect_webp(data, limits)
    else:
        raise UnsupportedPicture("the content is not a JPEG, PNG or WebP picture")
    size = stored.size
    held = _RGB + stored.bytes_per_pixel + (_RGB if stored.orientation > 1 else 0)
    if stored.orientation in _TURNED:
        size = Size(size.width, size.height)
    return ImageHeader(
        kind=stored.kind,
        size=size,
        orientation=stored.orientation,
        decode_bytes=held * size.pixels + stored.more_bytes + len(stored.file),
        file=stored.file,
        palette=stored.palette,
        palette_bits=stored.palette_bits,
    )
