"""The query parameters of `POST /segment`, and what they mean."""

import re
from collections import Counter
from typing import Annotated, Literal
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ocrnet.formats import AnswerOptions, FormatName
from ocrnet.inference.options import (
    MOST_SCALES,
    SMALLEST_CROP,
    Mode,
    Resize,
    SegmentOptions,
    parse_scales,
    parse_size,
)
from ocrnet.inference.stitching import Blend
from server.problems import RequestError

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)


def _plain(text: object) -> object:
    """Only plain decimals: float() would take 1_0, 5e-1 and blanks around."""
    if isinstance(text, str) and not _NUMBER.fullmatch(text):
        raise ValueError("not a plain decimal number")
    return text


Decimal = Annotated[float, BeforeValidator(_plain)]
Whole = Annotated[int, BeforeValidator(_plain)]

_STRAY_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class SegmentQuery(BaseModel):
    """Unknown parameters are refused: a misspelt one must not pass for the default."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None, description="name or alias of a served model; default: see `GET /models`"
    )
    mode: Mode = Field(
        "slide",
        description="`slide`: windows of the training crop, averaged where they overlap; "
        "`whole`: the picture in one piece, as the published figures were made",
    )
    crop: str | None = Field(
        None,
        description="window, HEIGHTxWIDTH in pixels, each side 32 or more; default: the training "
        "crop",
        examples=["512x1024"],
    )
    stride: str | None = Field(
        None,
        description="step between windows, HEIGHTxWIDTH in pixels; default: two thirds of the "
        "crop, rounded down to a multiple of 8",
        examples=["336x680"],
    )
    overlap: Decimal | None = Field(
        None,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        description="instead of stride: the share of the crop that neighbouring windows have in "
        "common; 0.333 is the default stride",
        examples=[0.5],
    )
    blend: Blend = Field(
        "uniform",
        description="`uniform`: windows count the same where they overlap; `gaussian`: each "
        "one's middle counts more (σ is an eighth of the crop)",
    )
    resize: Resize = Field(
        "none",
        description="`published`: resize the picture as the data set's test pipeline does first; "
        "the mask has the picture's own size either way",
    )
    scales: str | None = Field(
        None,
        description=f"test-time augmentation: up to {MOST_SCALES} scales, separated by commas; "
        "softmax of each is averaged",
        examples=["0.5,0.75,1.0,1.25,1.5,1.75"],
    )
    flip: bool = Field(False, description="average every scale with its mirror image")
    format: FormatName | None = Field(
        None,
        description="`png`: a palette PNG whose pixel values are class indices; `index`: the same "
        "as 8-bit grey; `overlay`: colours over the picture; `confidence`: the winner's "
        "probability as 8-bit grey; `json`: classes with pixel counts and shares, plan, timings; "
        "`npz`: a NumPy archive. Default: what the header Accept asks for, else `png`",
    )
    ids: Literal["train", "label"] | None = Field(
        None,
        description="png, index, npz: `train`: class indices (default); `label`: the data set's "
        "own numbers (Cityscapes labelIds)",
    )
    opacity: Decimal | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, description="overlay: of the colours; default 0.5"
    )
    edges: bool | None = Field(None, description="overlay: white lines between classes")
    boxes: bool | None = Field(None, description="json: boxes of connected regions of one class")
    min_pixels: Whole | None = Field(
        None, ge=1, le=10**9, description="boxes: the smallest region to list; default 64"
    )
    content: Literal["labels", "logits"] | None = Field(
        None,
        description="npz: `labels`: the label map (default); `logits`: float16 at output stride",
    )
    dry_run: bool = Field(
        False, description="answer with the plan and its cost in JSON, and segment nothing"
    )

    def to_options(self, max_side: int) -> SegmentOptions:
        """Parse how to segment; raises InvalidOption."""
        return SegmentOptions(
            mode=self.mode,
            crop=parse_size("crop", self.crop, SMALLEST_CROP, max_side),
            stride=parse_size("stride", self.stride, 1, max_side),
            overlap=self.overlap,
            blend=self.blend,
            resize=self.resize,
            scales=parse_scales(self.scales),
            flip=self.flip,
        )

    def to_answer(self, chosen: FormatName) -> AnswerOptions:
        """Parse how to answer, in the format that was chosen; raises InvalidOption."""
        return AnswerOptions(
            format=chosen,
            ids=self.ids,
            opacity=self.opacity,
            edges=self.edges,
            boxes=self.boxes,
            min_pixels=self.min_pixels,
            content=self.content,
        )


def check_query_string(request: Request) -> None:
    """Raise RequestError for a query string that is no text, or that names a parameter twice."""
    raw = request.scope["query_string"]
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if _STRAY_PERCENT.search(raw) or _CONTROL.search(text):
        raise RequestError(
            422, "invalid_query", "the query string is not UTF-8 text in percent-encoding"
        )
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if times > 1:
            raise RequestError(
                422, "duplicate_parameter", f"{name[:40]} is given {times} times: give it once"
            )
