"""Label maps as the evaluation server of each data set takes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ocrnet.formats.masks import data_set_ids, index_png, palette_png
from ocrnet.inference.argmax import LabelMap
from ocrnet.zoo import load_labels


def submission_png(label_map: LabelMap, dataset: str) -> bytes:
    """Encode class indices, uint8 (height, width), as a PNG of 8 bits.

    cityscapes: grey, labelIds (road is 7), as cityscapesScripts' evalPixelLevelSemanticLabeling.
    ade20k: grey, the class index plus 1, as annotations have it; 0 stays unused. voc12: the
    palette of VOC 2012 and class indices, as SegmentationClass has it.

    Raises KeyError for another data set.
    """
    return _FORMATS[dataset](label_map)


def write_prediction(folder: Path, name: str, label_map: LabelMap, dataset: str) -> Path:
    """Write FOLDER/NAME.png, whose name may hold folders (of Cityscapes the city's).

    Raises OSError.
    """
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(submission_png(label_map, dataset))
    return path


def _cityscapes(label_map: LabelMap) -> bytes:
    return index_png(data_set_ids(label_map, load_labels("cityscapes")))


def _ade20k(label_map: LabelMap) -> bytes:
    return index_png(label_map + np.uint8(1))


def _voc12(label_map: LabelMap) -> bytes:
    return palette_png(label_map, load_labels("voc12").colours)


_FORMATS: dict[str, Callable[[LabelMap], bytes]] = {
    "cityscapes": _cityscapes,
    "ade20k": _ade20k,
    "voc12": _voc12,
}
