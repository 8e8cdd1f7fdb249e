"""The picture with its classes' colours laid over it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.inference.argmax import LabelMap
from ocrnet.zoo.spec import Labels

_EDGE = (255, 255, 255)
_BAND = 256  # rows at a time: all that is held besides the result


def overlay(
    image: NDArray[np.uint8], label_map: LabelMap, labels: Labels, *, opacity: float, edges: bool
) -> NDArray[np.uint8]:
    """Mix picture and colours: uint8 (H, W, 3), RGB, (1 − opacity) · picture + opacity · colour.

    edges: pixels whose right or lower neighbour is of another class become white.
    """
    mixed: NDArray[np.uint8] = np.empty_like(image)
    for top in range(0, len(image), _BAND):
        rows = slice(top, top + _BAND)
        colours = labels.colours[label_map[rows]]
        cv2.addWeighted(image[rows], 1 - opacity, colours, opacity, 0, dst=mixed[rows])
        if edges:
            mixed[rows][_edges(label_map[top : top + _BAND + 1])[: len(mixed[rows])]] = _EDGE
    return mixed


def _edges(label_map: LabelMap) -> NDArray[np.bool_]:
    differ: NDArray[np.bool_] = np.zeros(label_map.shape, np.bool_)
    differ[:, :-1] = label_map[:, :-1] != label_map[:, 1:]
    differ[:-1] |= label_map[:-1] != label_map[1:]
    return differ
