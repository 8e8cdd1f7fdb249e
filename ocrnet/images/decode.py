"""From a file that was found whole to pixels."""

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ocrnet.images.header import ImageHeader, damaged
from ocrnet.memory_errors import memory_errors

RgbImage = NDArray[np.uint8]

_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
# What a decoder may allocate: its own tables, and twice what it holds at its peak, since images are
# allocated before their pages are used.
_DECODERS_OWN = 4 * 2**20
cv2.utils.logging.setLogLevel(0)  # it would write to stderr what is raised as well


def decode_image(header: ImageHeader) -> RgbImage:
    """Decode what `inspect_image` found: uint8 (H, W, 3), RGB, upright, contiguous.

    The EXIF orientation is applied. As in OpenCV, and so in mmsegmentation, an alpha channel is
    dropped (a see-through pixel has the colour that is stored under it) and colour profiles are
    ignored. 16-bit values are scaled to 8 bits.

    Raises UndecodablePicture for data that the decoder complains about, and OutOfMemory.
    """
    with memory_errors():
        if header.kind == "JPEG":
            image = _jpeg(header.file)
        elif header.palette is not None:
            image = _palette_png(header)
        else:
            image = _opencv(header, _FLAGS)
        return _upright(image, header.orientation)


def _jpeg(file: bytes) -> RgbImage:
    try:
        with memory_errors():
            # strict: what libjpeg warns of is damage, and it would fill the rest with grey.
            image: RgbImage = simplejpeg.decode_jpeg(file, "RGB", strict=True)
    except ValueError as error:
        raise damaged("JPEG", "its data does not decode") from error
    return image


def _opencv(header: ImageHeader, flags: int) -> RgbImage:
    file = np.frombuffer(header.file, np.uint8)
    try:
        with memory_errors():
            image = cv2.imdecode(file, flags)
            if image is None:
                # That means damage, or that a library could not allocate memory. If it is short
                # now, it was that (MemoryError); else a second try tells them apart.
                np.empty(2 * header.decode_bytes + _DECODERS_OWN, np.uint8)
                image = cv2.imdecode(file, flags)
    except cv2.error as error:
        raise damaged(header.kind, "its data does not decode") from error
    if image is None:
        raise damaged(header.kind, "its data does not decode")
    return image.astype(np.uint8, copy=False)


def _palette_png(header: ImageHeader) -> RgbImage:
    """Look indices up ourselves: OpenCV does not say when one has no colour."""
    indices = _opencv(header, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    indices //= 255 // (2**header.palette_bits - 1)  # the decoder spread fewer bits over 0 to 255
    colours = np.frombuffer(header.palette or b"", np.uint8).reshape(-1, 3)
    if indices.max() >= len(colours):
        raise damaged("PNG", f"a pixel has colour {indices.max()} of {len(colours)}")
    image: RgbImage = colours[indices]
    return image


def _upright(image: RgbImage, orientation: int) -> RgbImage:
    """Undo what the EXIF orientation says was done to the picture."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
