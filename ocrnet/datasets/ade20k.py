"""The folders of ADE20K as of the scene parsing challenge, ADEChallengeData2016."""

from pathlib import Path

from ocrnet.datasets.label_map import label_values
from ocrnet.datasets.miou import IGNORE
from ocrnet.datasets.pairs import Pair, find_files, labels_of, some_pictures
from ocrnet.errors import InputError
from ocrnet.zoo import load_labels

_SPLITS = {"train": "training", "val": "validation"}
_LAYOUT = (
    "ADEChallengeData2016 has images/validation/NAME.jpg and annotations/validation/NAME.png, and "
    "the same below training"
)


def ade20k_pairs(folder: Path, split: str, limit: int | None) -> list[Pair]:
    """Pair the pictures of a split, train or val, with their annotations.

    Raises InputError.
    """
    if split not in _SPLITS:
        raise InputError(f"ADE20K has the splits {' and '.join(_SPLITS)}, not {split!r}")
    pictures = folder / "images" / _SPLITS[split]
    truth = folder / "annotations" / _SPLITS[split]
    # As mmsegmentation's reduce_zero_label: 0, what no class covers, is ignored; others move down.
    count = len(load_labels("ade20k").names)
    meanings = {0: IGNORE} | {value: value - 1 for value in range(1, count + 1)}
    valid = f"1 to {count} for the {count} classes, and 0 or {IGNORE} for what is ignored"
    values = label_values(meanings, valid)
    found = some_pictures(find_files(pictures, "*.jpg"), pictures / "*.jpg", _LAYOUT)
    return [
        Pair(picture.stem, picture, labels_of(picture, truth / f"{picture.stem}.png"), values)
        for picture in found[:limit]
    ]
