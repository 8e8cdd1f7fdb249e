"""Synthetic scenes as PNG files, as clients send them."""

from io import BytesIO

import cv2
from PIL import Image

from ocrnet.images import RgbImage
from ocrnet.scenes import draw_scene


def scene_png(height: int, width: int, seed: int = 0) -> bytes:
    """Draw a scene and encode it by OpenCV, the same bytes each time."""
    image = draw_scene(seed, height, width).image
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def quick_png(image: RgbImage) -> bytes:
    """Encode at the lowest level of compression, which is the quickest to decode."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return file.getvalue()
