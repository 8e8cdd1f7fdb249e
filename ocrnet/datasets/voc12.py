"""The folders of Pascal VOC 2012."""

from pathlib import Path

from ocrnet.datasets.label_map import index_values
from ocrnet.datasets.pairs import Pair, find_files, labels_of, some_pictures
from ocrnet.errors import InputError
from ocrnet.zoo import load_labels

_LAYOUT = (
    "Pascal VOC 2012 has JPEGImages/NAME.jpg, SegmentationClass/NAME.png and "
    "ImageSets/Segmentation/SPLIT.txt with a NAME a line, all below VOCdevkit/VOC2012"
)


def voc12_pairs(folder: Path, split: str, limit: int | None) -> list[Pair]:
    """Pair the pictures that a split's list names with their palette PNGs, each once, sorted.

    folder: VOC2012 itself. Raises InputError.
    """
    if not (folder / "JPEGImages").is_dir():
        raise InputError(
            f"{folder} is not the folder VOC2012, as there is no JPEGImages in it; {_LAYOUT}"
        )
    sets = folder / "ImageSets" / "Segmentation"
    names = sorted({line.strip() for line in _lines(sets, split)} - {""})
    pictures = [folder / "JPEGImages" / f"{name}.jpg" for name in names]
    values = index_values(len(load_labels("voc12").names))
    pairs = []
    for picture in some_pictures(pictures, sets / f"{split}.txt", _LAYOUT)[:limit]:
        if not picture.is_file():
            raise InputError(f"{sets / split}.txt names {picture.stem}, but there is no {picture}")
        labels = labels_of(picture, folder / "SegmentationClass" / f"{picture.stem}.png")
        pairs.append(Pair(picture.stem, picture, labels, values))
    return pairs


def _lines(sets: Path, split: str) -> list[str]:
    path = sets / f"{split}.txt"
    if not path.is_file():
        there = ", ".join(file.stem for file in find_files(sets, "*.txt")) or "none"
        raise InputError(f"there is no {path}; splits that are there: {there}; {_LAYOUT}")
    # What is not UTF-8 names no picture, which is then said.
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
