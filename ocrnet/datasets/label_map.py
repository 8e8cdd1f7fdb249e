"""A data set's own label files → class indices."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrnet.datasets.miou import IGNORE
from ocrnet.errors import InputError
from ocrnet.images import ImageLimits, inspect_image


@dataclass(frozen=True)
class LabelValues:
    """What the values in label files mean.

    classes: uint8 (256,), class index by value, 255 for what is ignored. known: bool (256,), False
    for a value that no label file has. valid: the known values in words.
    """

    classes: NDArray[np.uint8]
    known: NDArray[np.bool_]
    valid: str


def label_values(meanings: dict[int, int], valid: str) -> LabelValues:
    """Class index by value; 255 stands for what is ignored, as a value and as a meaning."""
    meanings = {**meanings, IGNORE: IGNORE}
    classes, known = np.full(256, IGNORE, np.uint8), np.zeros(256, np.bool_)
    classes[list(meanings)] = list(meanings.values())
    known[list(meanings)] = True
    return LabelValues(classes, known, valid)


def index_values(count: int) -> LabelValues:
    """Files that hold class indices as they are."""
    valid = f"0 to {count - 1} for the {count} classes, and {IGNORE} for what is ignored"
    return label_values({index: index for index in range(count)}, valid)


def read_label_map(path: Path, values: LabelValues) -> NDArray[np.uint8]:
    """Read a grey or palette PNG: uint8 (height, width), class indices, 255 where ignored.

    Raises InputError, which names the file, for one that does not decode, is of another kind or
    holds an unknown value; OSError if it cannot be read.
    """
    stored = _read_values(path)
    counts = np.bincount(stored.ravel(), minlength=256)
    unknown = np.flatnonzero((counts > 0) & ~values.known)
    if unknown.size:
        raise InputError(
            f"{path}: a label map of this data set holds {values.valid}; this one holds "
            f"{unknown[0]} (number of pixels: {counts[unknown[0]]})"
        )
    labels: NDArray[np.uint8] = values.classes[stored]
    return labels


def _read_values(path: Path) -> NDArray[np.uint8]:
    """Grey values or palette indices. With Pillow, as mmsegmentation: OpenCV looks colours up."""
    data = path.read_bytes()
    try:
        inspect_image(data, ImageLimits())  # Pillow alone raises all sorts of errors for damage
        picture = Image.open(BytesIO(data))
        values: NDArray[np.uint8] = np.asarray(picture)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: its data does not decode") from error
    # Grey of one bit is refused too: is its 1 a class, or white as Pillow says?
    if picture.format != "PNG" or picture.mode not in ("L", "P"):
        raise InputError(
            f"{path}: a label map is a grey or palette PNG of 8 bits, not a {picture.format} of "
            f"Pillow's mode {picture.mode}"
        )
    return values
