"""Pictures and label maps that lie side by side in files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocrnet.datasets.dataset import Example
from ocrnet.datasets.label_map import LabelValues, read_label_map
from ocrnet.errors import InputError
from ocrnet.images import ImageLimits, RgbImage, decode_image, inspect_image
from ocrnet.zoo import Size


@dataclass(frozen=True)
class Pair:
    """A picture's file, its label map's, and what the values in the latter mean."""

    name: str
    image: Path
    labels: Path
    values: LabelValues


@dataclass(frozen=True)
class PairedFiles:
    """A data set of pairs, in their order; `dataset` is the zoo's name of it."""

    dataset: str
    pairs: Sequence[Pair]

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Example]:
        """Raise InputError, which names the file, for one that cannot be used; OSError."""
        for pair in self.pairs:
            image, labels = _read_picture(pair.image), read_label_map(pair.labels, pair.values)
            if image.shape[:2] != labels.shape:
                raise InputError(
                    f"{pair.labels} has {Size(*labels.shape)} pixels, its picture {pair.image} "
                    f"has {Size(*image.shape[:2])} (HEIGHTxWIDTH): they must be the same"
                )
            yield Example(pair.name, image, labels)


def _read_picture(path: Path) -> RgbImage:
    """Decode as the gateway does: a model is judged on the pixels that it is served with.

    They are those of mmsegmentation's evaluation, EXIF orientation included. But a file that
    libjpeg so much as warns of is refused here.
    """
    data = path.read_bytes()
    try:
        return decode_image(inspect_image(data, ImageLimits()))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def find_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files below `folder` that match, sorted by their place in it, none hidden.

    A copy from a Mac has a hidden `._NAME` beside every NAME.
    """
    found = {path.relative_to(folder): path for path in folder.glob(pattern)}
    return [
        path
        for inside, path in sorted(found.items(), key=lambda item: item[0].as_posix())
        if not any(part.startswith(".") for part in inside.parts) and path.is_file()
    ]


def some_pictures(pictures: list[Path], looked_for: Path, layout: str) -> list[Path]:
    """Return the pictures; raise InputError if there are none, naming what would be found."""
    if not pictures:
        raise InputError(f"no pictures found: looked for {looked_for}; {layout}")
    return pictures


def labels_of(picture: Path, *candidates: Path) -> Path:
    """Return the first candidate that is there; raises InputError, which names the picture."""
    for path in candidates:
        if path.is_file():
            return path
    looked_for = " and ".join(map(str, candidates))
    raise InputError(f"{picture} has no label map: looked for {looked_for}")
