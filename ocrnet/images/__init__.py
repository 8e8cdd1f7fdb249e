"""From bytes to pixels: what a file is, whether it is whole and not too large, what it shows."""

from ocrnet.images.decode import RgbImage, decode_picture
from ocrnet.images.header import PictureHeader, PictureLimits
from ocrnet.images.inspect import inspect_picture
from ocrnet.images.resize import published_size, resize_picture

__all__ = [
    "PictureHeader",
    "PictureLimits",
    "RgbImage",
    "decode_picture",
    "inspect_picture",
    "published_size",
    "resize_picture",
]
