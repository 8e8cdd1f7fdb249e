"""Pictures to calibrate INT8 with, and others to judge it on: drawn scenes or a folder's."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrnet.datasets import Example, SyntheticScenes
from ocrnet.datasets.miou import IGNORE
from ocrnet.datasets.pairs import find_files
from ocrnet.errors import InputError
from ocrnet.images import (
    ImageHeader,
    ImageLimits,
    RgbImage,
    decode_image,
    inspect_image,
    published_size,
    resize_image,
)
from ocrnet.zoo import ModelSpec, Size

# Scenes 0 to 199 are the test's, those from 1,000,000 on are training's.
FIRST_SEED = 500_000
FIRST_HELD_OUT_SEED = 600_000
_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp"})


@dataclass(frozen=True)
class CalibrationImages:
    """What an INT8 graph is made with.

    origin: in words. calibration: each uint8 (1, H, W, 3), RGB, of the graph's size or, where that
    is larger, of the model's crop. held_out: of the graph's size, others than those. labelled:
    whether their labels are of the model's own classes.
    """

    origin: str
    calibration: list[NDArray[np.uint8]]
    held_out: list[Example]
    labelled: bool


@dataclass(frozen=True)
class Calibration:
    """Where the pictures come from. folder: None for drawn scenes; count: for calibration alone."""

    folder: Path | None = None
    count: int = 32

    @cached_property
    def origin(self) -> str:
        """In words, the same for the same pictures: an artefact made with others is built anew.

        Reads the folder's files; raises InputError as `pictures_of_folder`, but nothing is decoded.
        """
        if self.folder is None:
            return f"drawn scenes {FIRST_SEED} to {FIRST_SEED + self.count - 1}"
        digest = hashlib.sha256()
        chosen, held_out = _choose(self.folder, self.count)
        for path in (*chosen, *held_out):
            digest.update(hashlib.sha256(_inspect(path).file).digest())
        return f"{len(chosen)} pictures of a folder, SHA-256 {digest.hexdigest()}"

    def pictures(self, spec: ModelSpec, size: Size | None) -> CalibrationImages:
        """Those for a graph of that size; None: of any, which is given the model's crop."""
        wanted = size or spec.crop
        if self.folder is None:
            return synthetic_pictures(spec, wanted, self.count)
        return pictures_of_folder(self.folder, spec, wanted, self.count)


def synthetic_pictures(spec: ModelSpec, size: Size, count: int) -> CalibrationImages:
    """Draw street scenes that neither training nor the test has: `count`, and a quarter more.

    Their labels are those of Cityscapes. Raises ValueError for a count below 1 or a size that
    scenes cannot have.
    """
    drawn = SyntheticScenes(FIRST_SEED, count, calibration_size(spec, size))
    held_out = SyntheticScenes(FIRST_HELD_OUT_SEED, math.ceil(count / 4), size)
    return CalibrationImages(
        Calibration(None, count).origin,
        [scene.image[None] for scene in drawn],
        list(held_out),
        labelled=spec.dataset == drawn.dataset,
    )


def pictures_of_folder(folder: Path, spec: ModelSpec, size: Size, count: int) -> CalibrationImages:
    """Decode up to `count` pictures below a folder, and a quarter more to judge on.

    Taken evenly from all that are there, sorted by name. Those to calibrate with are shrunk or
    enlarged as a whole. Those to judge on are resized as the data set's test pipeline does, as
    windows are when served, and enlarged only if smaller. What is past `size` is cut off, elsewhere
    for each picture.

    Raises InputError for a folder that is missing or holds fewer than two pictures, and for a
    file that does not decode, by name.
    """
    chosen, held_out = _choose(folder, count)
    shrunk = calibration_size(spec, size)
    calibration = []
    for index, path in enumerate(chosen):
        calibration.append(_cut(_cover(_read(path), shrunk), shrunk, index)[None])
    judged = []
    for index, path in enumerate(held_out):
        image = _read(path)
        tested = published_size(Size(*image.shape[:2]), spec.test_resize)
        image = resize_image(image, tested)
        if tested.height < size.height or tested.width < size.width:
            image = _cover(image, size)
        image = _cut(image, size, index)
        judged.append(Example(str(path), image, np.full(image.shape[:2], IGNORE, np.uint8)))
    return CalibrationImages(Calibration(folder, count).origin, calibration, judged, labelled=False)


def calibration_size(spec: ModelSpec, size: Size) -> Size:
    """Of pictures to calibrate a graph of `size` with.

    Never more than the crop: NNCF holds all activations of a picture, 15 GB at 1024x2048.

    Whole pictures shrunk to it give as good a graph as at their own size (changed labels at
    1024x2048: 2.1 % against 2.3 %), windows cut out of them a worse one (3.8 %).
    """
    return Size(min(size.height, spec.crop.height), min(size.width, spec.crop.width))


def _choose(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} to calibrate with")
    found = [path for path in find_files(folder, "**/*") if path.suffix.lower() in _SUFFIXES]
    if len(found) < 2:
        raise InputError(
            f"{folder} holds {len(found)} pictures (.jpg, .png or .webp): calibration needs at "
            "least 2, one to calibrate with and one to judge the result on; 40 are good"
        )
    wanted = min(len(found), count + math.ceil(count / 4))
    evenly = [found[index * len(found) // wanted] for index in range(wanted)]
    held_out = [path for index, path in enumerate(evenly) if index % 5 == min(4, wanted - 1)]
    return [path for path in evenly if path not in held_out], held_out


def _inspect(path: Path) -> ImageHeader:
    try:
        return inspect_image(path.read_bytes(), ImageLimits())
    except (InputError, OSError) as error:
        raise InputError(f"{path}: {error}") from error


def _read(path: Path) -> RgbImage:
    header = _inspect(path)
    try:
        return decode_image(header)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _cover(image: RgbImage, size: Size) -> RgbImage:
    """Resize, the ratio kept, to the smallest picture that has `size` in it: never padded."""
    height, width = image.shape[:2]
    factor = max(size.height / height, size.width / width)
    height, width = round(height * factor), round(width * factor)
    return resize_image(image, Size(max(height, size.height), max(width, size.width)))


def _cut(image: RgbImage, size: Size, index: int) -> RgbImage:
    """Cut out `size`: one of five places along both sides, by turns, borders included."""
    height, width = image.shape[:2]
    top = round((height - size.height) * (index * 3 % 5) / 4)
    left = round((width - size.width) * (index % 5) / 4)
    return np.ascontiguousarray(image[top : top + size.height, left : left + size.width])
