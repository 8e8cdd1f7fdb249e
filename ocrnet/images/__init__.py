"""From bytes to pixels: what a file is, whether it is whole and not too large, what it shows."""

from ocrnet.images.decode import RgbImage, decode_image
from ocrnet.images.header import ImageHeader, ImageLimits
from ocrnet.images.inspect import inspect_image
from ocrnet.images.resize import published_size, resize_image

__all__ = [
    "ImageHeader",
    "ImageLimits",
    "RgbImage",
    "decode_image",
    "inspect_image",
    "published_size",
    "resize_image",
]
