"""The facts about every model, typed: `models.toml` and `labels/*.csv` and nothing else."""

import csv
import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from ocrnet.errors import UnknownModel, UnsupportedModel

BACKBONES = ("hr18s", "hr18", "hr48", "r101-d8")
DATASETS = {"cityscapes": "Cityscapes", "ade20k": "ADE20K", "voc12": "Pascal VOC 2012"}
VARIANTS = ("mmsegmentation", "authors")


@dataclass(frozen=True)
class Size:
    """A size in pixels; reads and writes as HEIGHTxWIDTH."""

    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


def default_stride(crop: Size) -> Size:
    """Two thirds of the crop, rounded down to a multiple of 8 where the crop has as much.

    So windows meet on the output grid (output strides are 4 and 8).
    """

    def along(side: int) -> int:
        return max(side * 2 // 3 // 8 * 8, min(side, 8))

    return Size(along(crop.height), along(crop.width))


@dataclass(frozen=True)
class ResizeLimits:
    """A data set's test-time resize, in pixels: the longest and the shortest side it may have."""

    long: int
    short: int


@dataclass(frozen=True)
class Checkpoint:
    """Where the weights are published, or which ones come with this project.

    url: empty where they are not published.
    digits: the first hex digits of the file's SHA-256; of a published file, as its name carries
    them; empty if it has none.
    shipped: the file in `export/weights` that comes with this project; empty if none does.
    note: what users must know of masks by those weights; empty if nothing.
    """

    url: str
    digits: str
    shipped: str = ""
    note: str = ""

    @property
    def file_name(self) -> str:
        """The last part of the URL."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Published:
    """Figures as published. fps is at batch 1 on `device`; mIoU in percent; None: not stated."""

    fps: float | None = None
    device: str | None = None
    miou: float | None = None
    miou_ms_flip: float | None = None
    iterations: int | None = None


@dataclass(frozen=True)
class Labels:
    """A data set's classes in the order of the label map.

    colours: (classes, 3), RGB. label_ids: (classes,), the numbers that the data set's own files
    use where these differ from the indices (Cityscapes: `labelIds`), else None.
    """

    names: tuple[str, ...]
    colours: NDArray[np.uint8]
    label_ids: NDArray[np.uint8] | None


@dataclass(frozen=True)
class ModelSpec:
    """One table of `models.toml`."""

    name: str
    backbone: str
    dataset: str
    variant: str
    align_corners: bool
    output_stride: int
    crop: Size
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    test_resize: ResizeLimits
    checkpoint: Checkpoint
    published: Published
    aliases: tuple[str, ...]

    @property
    def labels(self) -> Labels:
        """Class names and colours."""
        return load_labels(self.dataset)

    @property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return len(self.labels.names)

    @property
    def architecture(self) -> str:
        """Backbone and data set: models that share it differ in their weights alone."""
        authors = "authors_" if self.variant == "authors" else ""
        return f"{authors}{self.backbone}_{self.dataset}"

    @property
    def stride(self) -> Size:
        """The default step between windows."""
        return default_stride(self.crop)

    @property
    def whole(self) -> Size | None:
        """The fixed whole-image size, for data sets whose pictures all have one."""
        return Size(1024, 2048) if self.dataset == "cityscapes" else None

    def logits_size(self, image: Size) -> Size:
        """Height and width of the logits of an image."""
        stride = self.output_stride
        return Size(-(-image.height // stride), -(-image.width // stride))


def check_classes(classes: int, source: str) -> None:
    """Refuse a network with one output channel; source: what has it, as the message names it.

    mmsegmentation's binary mode gives one logit and compares its sigmoid with a threshold. Argmax
    over one channel would call every pixel class 0. Raises UnsupportedModel.
    """
    if classes == 1:
        raise UnsupportedModel(
            f"{source} has one output channel (mmsegmentation's binary mode), which is not "
            "supported: train it with two classes, background and object (num_classes=2 without "
            "out_channels=1)"
        )


@cache
def load_labels(dataset: str) -> Labels:
    """Read `labels/<dataset>.csv`: index, name, r, g, b [, label_id], in the order of indices."""
    text = (files("ocrnet.zoo") / "labels" / f"{dataset}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    colours = np.array([[row["r"], row["g"], row["b"]] for row in rows]).astype(np.uint8)
    colours.flags.writeable = False
    check_classes(len(rows), f"labels/{dataset}.csv")
    ids = None
    if "label_id" in rows[0]:
        ids = np.array([row["label_id"] for row in rows]).astype(np.uint8)
        ids.flags.writeable = False
    return Labels(tuple(row["name"] for row in rows), colours, ids)


@cache
def load_zoo() -> dict[str, ModelSpec]:
    """Read every model of `models.toml`, by name, in the file's order."""
    text = (files("ocrnet.zoo") / "models.toml").read_text(encoding="utf-8")
    return {name: _spec(name, table) for name, table in tomllib.loads(text).items()}


def _spec(name: str, table: dict) -> ModelSpec:  # type: ignore[type-arg]  # as TOML gives it
    fields = dict(table)
    return ModelSpec(
        name=name,
        crop=Size(**fields.pop("crop")),
        mean=tuple(fields.pop("mean")),
        std=tuple(fields.pop("std")),
        test_resize=ResizeLimits(**fields.pop("test_resize")),
        checkpoint=Checkpoint(**fields.pop("checkpoint")),
        published=Published(**fields.pop("published")),
        aliases=tuple(fields.pop("aliases")),
        **fields,
    )


def get_spec(name: str) -> ModelSpec:
    """Return the model called `name`, by its own name or by one of its aliases.

    Raises UnknownModel, which names the nearest ones.
    """
    zoo = load_zoo()
    if name in zoo:
        return zoo[name]
    by_alias = {alias: spec for spec in zoo.values() for alias in spec.aliases}
    wanted = name.removesuffix(".pth").removesuffix(".py")
    if wanted in by_alias:
        return by_alias[wanted]
    near = difflib.get_close_matches(name, zoo, n=3, cutoff=0.4) or list(zoo)[:3]
    raise UnknownModel(
        f"no model is called {name!r}; near it: {', '.join(near)} ('ocrnet models' lists all)"
    )
