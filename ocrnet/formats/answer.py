"""The table of formats, the options they take, and the one way from a segmentation to bytes."""

from dataclasses import dataclass, field, fields
from typing import Literal

from ocrnet.errors import InvalidOption
from ocrnet.formats.archive import labels_npz, logits_npz
from ocrnet.formats.masks import (
    confidence_png,
    data_set_ids,
    id_colours,
    index_png,
    palette_png,
    rgb_png,
)
from ocrnet.formats.overlay import overlay
from ocrnet.formats.report import report
from ocrnet.images import RgbImage
from ocrnet.inference.maps import Want
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import RequestPlan
from ocrnet.inference.segmenter import Segmentation
from ocrnet.timings import Timings
from ocrnet.zoo.spec import ModelSpec

FormatName = Literal["png", "index", "overlay", "confidence", "json", "npz"]


@dataclass(frozen=True)
class Format:
    """How answers of one format are sent and saved.

    suffix: of a file's name. options: the AnswerOptions that it takes. bytes_per_pixel: what
    making it holds besides picture and label map.
    """

    media_type: str
    suffix: str
    options: frozenset[str] = frozenset()
    bytes_per_pixel: int = 0


FORMATS: dict[FormatName, Format] = {
    "png": Format("image/png", ".mask.png", frozenset({"ids"}), 1),
    "index": Format("image/png", ".index.png", frozenset({"ids"}), 1),
    "overlay": Format("image/png", ".overlay.png", frozenset({"opacity", "edges"}), 7),
    "confidence": Format("image/png", ".confidence.png", frozenset(), 2),
    "json": Format("application/json", ".json", frozenset({"boxes", "min_pixels"})),
    "npz": Format("application/x-npz", ".npz", frozenset({"ids", "content"}), 2),
}
# The map of a class, the numbers of its regions, and OpenCV's own lists of them.
_BYTES_PER_PIXEL_OF_BOXES = 10


@dataclass(frozen=True)
class AnswerOptions:
    """How to answer. None: not given; the comment names the default.

    Raises InvalidOption for what the format does not take: it must not pass unnoticed.
    """

    format: FormatName = "png"
    ids: Literal["train", "label"] | None = None  # train
    opacity: float | None = None  # 0.5
    edges: bool | None = None  # no
    boxes: bool | None = None  # no
    min_pixels: int | None = field(default=None)  # 64
    content: Literal["labels", "logits"] | None = None  # labels

    def __post_init__(self) -> None:
        takes = FORMATS[self.format].options
        for name in (item.name for item in fields(self)):
            if name != "format" and getattr(self, name) is not None and name not in takes:
                able = " or ".join(
                    f"format={key}" for key, f in FORMATS.items() if name in f.options
                )
                raise InvalidOption(name, f"{name} is for {able}, not for format={self.format}")
        if self.min_pixels is not None and not self.boxes:
            raise InvalidOption("min_pixels", "min_pixels is for boxes=1")
        if self.opacity is not None and not 0 <= self.opacity <= 1:
            raise InvalidOption("opacity", f"opacity is {self.opacity:g}: it is from 0 to 1")
        if self.ids == "label" and self.content == "logits":
            raise InvalidOption("ids", "logits are in the order of the indices: ids is for labels")

    @property
    def wants(self) -> frozenset[Want]:
        """What the segmenter must give besides the label map."""
        if self.format == "confidence":
            return frozenset({"confidence"})
        return frozenset({"logits"}) if self.content == "logits" else frozenset()

    @property
    def needs_picture(self) -> bool:
        """Whether `render` looks at the picture itself."""
        return self.format == "overlay"

    @property
    def bytes_per_pixel(self) -> int:
        """What making the answer holds besides picture and label map."""
        boxes = _BYTES_PER_PIXEL_OF_BOXES if self.boxes else 0
        return FORMATS[self.format].bytes_per_pixel + boxes

    def check_data_set(self, spec: ModelSpec) -> None:
        """Raise InvalidOption for what the model's data set does not have."""
        if self.ids == "label" and spec.labels.label_ids is None:
            raise InvalidOption(
                "ids", f"{spec.dataset} has no numbers but the class indices: leave ids away"
            )


def render(
    result: Segmentation,
    image: RgbImage | None,
    spec: ModelSpec,
    options: SegmentOptions,
    plan: RequestPlan,
    answer: AnswerOptions,
    timings: Timings,
) -> bytes:
    """Make the answer's bytes; image: the picture, where the answer needs it."""
    labels = spec.labels
    if answer.format == "json":
        least = (answer.min_pixels or 64) if answer.boxes else None
        return report(result.labels, spec, options, plan, timings, min_pixels=least)
    if answer.format == "overlay":
        if image is None:
            raise ValueError("an overlay needs the picture")
        opacity = 0.5 if answer.opacity is None else answer.opacity
        edges = bool(answer.edges)
        return rgb_png(overlay(image, result.labels, labels, opacity=opacity, edges=edges))
    if answer.format == "confidence":
        if result.confidence is None:
            raise ValueError("the segmentation was made without confidence")
        return confidence_png(result.confidence)
    if answer.content == "logits":
        if result.logits is None:
            raise ValueError("the segmentation was made without logits")
        return logits_npz(result.logits, labels)
    own = answer.ids == "label"
    values = data_set_ids(result.labels, labels) if own else result.labels
    if answer.format == "index":
        return index_png(values)
    if answer.format == "npz":
        return labels_npz(values, labels)
    return palette_png(values, id_colours(labels) if own else labels.colours)
