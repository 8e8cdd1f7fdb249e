"""From bytes to pixels: what a picture is, whether it is too large, and what it shows."""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ocrnet.errors import PictureTooLarge, UndecodablePicture, UnsupportedPicture
from ocrnet.zoo.spec import ResizeLimits, Size

RgbImage = NDArray[np.uint8]

# What Pillow's decoders raise on damaged files; anything else is a bug of ours.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


@dataclass(frozen=True)
class PictureLimits:
    """What is accepted: megabytes of file, pixels, and pixels along a side."""

    max_bytes: int = 20 * 2**20
    max_pixels: int = 50_000_000
    max_side: int = 16_384


def decode_picture(data: bytes, limits: PictureLimits) -> RgbImage:
    """Decode a JPEG, PNG or WebP file, judged by its content: uint8 (H, W, 3), RGB, upright.

    Size is checked from the header before any pixel is decoded. The EXIF orientation
    is applied; an alpha channel is dropped, as OpenCV and so mmsegmentation drop it;
    16-bit values are scaled to 8 bits.

    Raises UnsupportedPicture, PictureTooLarge or UndecodablePicture.
    """
    with _open(data, limits) as picture:
        try:
            picture.load()
            upright = _upright(picture)
            if upright.mode.startswith("I"):
                grey = (np.asarray(upright).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
                return np.repeat(grey[..., None], 3, axis=2)
            if "transparency" in upright.info:  # of a palette: Pillow wants it made alpha first
                upright = upright.convert("RGBA")
            return np.array(upright.convert("RGB"))
        except _DAMAGED as error:
            raise _undecodable(picture.format, error) from error


def _open(data: bytes, limits: PictureLimits) -> ImageFile.ImageFile:
    if not data:
        raise UndecodablePicture("the picture is empty: 0 bytes", code="empty_image")
    if len(data) > limits.max_bytes:
        raise PictureTooLarge(
            f"the picture has {len(data)} bytes, {limits.max_bytes} are allowed",
            "too_many_bytes",
            limit=limits.max_bytes,
            actual=len(data),
        )
    kind: type[ImageFile.ImageFile]
    if data.startswith(b"\xff\xd8\xff"):
        kind, name = JpegImageFile, "JPEG"
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, name = PngImageFile, "PNG"
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        kind, name = WebPImageFile, "WebP"
        _check_size(*_webp_size(data), limits)  # Pillow's plug-in allocates the canvas on opening
    else:
        raise UnsupportedPicture("the content is not a JPEG, PNG or WebP picture")
    try:
        # The class itself, not Image.open: our own limit stands in for Pillow's global one.
        picture = kind(BytesIO(data))
    except _DAMAGED as error:
        raise _undecodable(name, error) from error
    _check_size(picture.width, picture.height, limits)
    return picture


_ORIENTATION = 0x0112
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; metadata that cannot be read does not spoil the picture.

    Not `ImageOps.exif_transpose`: it writes all tags anew and fails on odd ones.
    """
    try:
        orientation = picture.getexif().get(_ORIENTATION)
    except (*_DAMAGED, TypeError, KeyError, AttributeError):
        return picture
    turn = _TO_UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk. Source: RFC 9649, sections 2.5 to 2.7."""
    chunk, body = data[12:16], data[20:30]
    if len(body) == 10 and chunk == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if len(body) == 10 and chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if len(body) == 10 and chunk == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise UndecodablePicture("the WebP picture's header is damaged or cut off")


def _check_size(width: int, height: int, limits: PictureLimits) -> None:
    if width < 1 or height < 1:
        raise UndecodablePicture(f"the picture's header says {height}x{width} pixels")
    if width * height > limits.max_pixels:
        raise PictureTooLarge(
            f"the picture has {height}x{width} = {width * height} pixels, "
            f"{limits.max_pixels} are allowed",
            "too_many_pixels",
            limit=limits.max_pixels,
            actual=width * height,
        )
    if max(width, height) > limits.max_side:
        raise PictureTooLarge(
            f"the picture has {height}x{width} pixels, a side may have {limits.max_side}",
            "side_too_long",
            limit=limits.max_side,
            actual=max(width, height),
        )


def _undecodable(name: str | None, error: Exception) -> UndecodablePicture:
    truncated = "truncated" in str(error)
    return UndecodablePicture(
        f"the {name} picture is {'cut off' if truncated else 'damaged'} and does not decode",
        code="truncated_image" if truncated else "undecodable_image",
    )


def published_size(size: Size, limits: ResizeLimits) -> Size:
    """The size of a data set's test-time resize: the ratio stays, both limits hold.

    Source: `rescale_size` of mmcv, which rounds half up.
    """
    factor = min(
        limits.long / max(size.height, size.width), limits.short / min(size.height, size.width)
    )
    # A very long picture would lose its short side altogether; mmcv fails on those.
    return Size(max(1, int(size.height * factor + 0.5)), max(1, int(size.width * factor + 0.5)))


def resize_picture(image: RgbImage, size: Size) -> RgbImage:
    """Resize as mmsegmentation does: OpenCV, bilinear, on uint8."""
    if image.shape[:2] == (size.height, size.width):
        return image
    resized = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)


__all__ = [
    "PictureLimits",
    "RgbImage",
    "decode_picture",
    "published_size",
    "resize_picture",
]
