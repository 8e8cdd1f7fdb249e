"""Label maps and confidence as PNG files."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.maps import Confidence
from ocrnet.zoo.spec import Labels

# Drawn label maps of 1024x2048: level 3 takes 4 ms and 30 kB, level 6 (zlib's own) 11 ms and 20 kB.
_MAP_LEVEL = 3
# What varies from pixel to pixel gains nothing from more: 0.16 s, at level 3 0.27 s for 4 % less.
_DENSE_LEVEL = 1


def palette_png(label_map: LabelMap, colours: NDArray[np.uint8]) -> bytes:
    """Encode a palette PNG of values as they are; colours: uint8 (values, 3), RGB.

    A value past the last colour, such as 255 for what is ignored, is black.
    """
    picture = Image.fromarray(label_map, mode="P")
    black = bytes(3 * max(int(label_map.max()) + 1 - len(colours), 0))
    picture.putpalette(colours.tobytes() + black)
    return _png(picture, _MAP_LEVEL)


def index_png(label_map: LabelMap) -> bytes:
    """Encode an 8-bit grey PNG whose grey values are the label map's."""
    return _png(Image.fromarray(label_map, mode="L"), _MAP_LEVEL)


def confidence_png(confidence: Confidence) -> bytes:
    """Encode an 8-bit grey PNG: 0 to 255 is a probability of 0 to 1."""
    return _png(Image.fromarray(confidence, mode="L"), _DENSE_LEVEL)


def rgb_png(image: NDArray[np.uint8]) -> bytes:
    """Encode uint8 (H, W, 3), RGB."""
    return _png(Image.fromarray(image, mode="RGB"), _DENSE_LEVEL)


def data_set_ids(label_map: LabelMap, labels: Labels) -> LabelMap:
    """Class indices → the data set's own numbers; labels must have them."""
    if labels.label_ids is None:
        raise ValueError("these labels have no numbers of their own")
    ids: LabelMap = labels.label_ids[label_map]
    return ids


def id_colours(labels: Labels) -> NDArray[np.uint8]:
    """Colours in the order of the data set's own numbers: uint8 (largest + 1, 3), gaps black."""
    if labels.label_ids is None:
        raise ValueError("these labels have no numbers of their own")
    colours: NDArray[np.uint8] = np.zeros((int(labels.label_ids.max()) + 1, 3), np.uint8)
    colours[labels.label_ids] = labels.colours
    return colours


def _png(picture: Image.Image, level: int) -> bytes:
    file = BytesIO()
    picture.save(file, "PNG", compress_level=level)
    return file.getvalue()
