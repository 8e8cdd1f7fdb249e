"""Resizing as mmsegmentation does it."""

import cv2
import numpy as np

from ocrnet.images.decode import RgbImage
from ocrnet.zoo.spec import ResizeLimits, Size


def published_size(size: Size, limits: ResizeLimits) -> Size:
    """The size of a data set's test-time resize: the ratio stays, both limits hold.

    Source: `rescale_size` of mmcv, which rounds half up.
    """
    factor = min(
        limits.long / max(size.height, size.width), limits.short / min(size.height, size.width)
    )
    # A very long picture would lose its short side altogether; mmcv fails on those.
    return Size(max(1, int(size.height * factor + 0.5)), max(1, int(size.width * factor + 0.5)))


def resize_image(image: RgbImage, size: Size) -> RgbImage:
    """Resize as mmsegmentation does: OpenCV, bilinear, on uint8."""
    if image.shape[:2] == (size.height, size.width):
        return image
    resized = cv2.resize(image, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return resized.astype(np.uint8, copy=False)
