"""The query parameters of `POST /segment`, and what they mean."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ocrnet.errors import InvalidOption
from ocrnet.segmenter import Mode, Resize, SegmentOptions
from ocrnet.zoo import Size
from server.problems import RequestError

_SMALLEST_CROP = 32
_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII)


class SegmentQuery(BaseModel):
    """Unknown parameters are refused: a misspelt one must not pass for the default."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="name of a served model; default: the first one")
    mode: Mode = Field(
        "slide",
        description="`slide`: windows of the training crop, averaged where they overlap; "
        "`whole`: the picture in one piece, as the published figures were made",
    )
    crop: str | None = Field(
        None,
        description="window, HEIGHTxWIDTH in pixels; default: the training crop",
        examples=["512x1024"],
    )
    stride: str | None = Field(
        None,
        description="step between windows, HEIGHTxWIDTH in pixels; default: two thirds of the "
        "crop, rounded down to a multiple of 8",
        examples=["336x680"],
    )
    resize: Resize = Field(
        "none",
        description="`published`: resize the picture as the data set's test pipeline does first; "
        "the mask has the picture's own size either way",
    )
    format: Literal["png", "json"] = Field(
        "png",
        description="`png`: a palette PNG whose pixel values are class indices; `json`: classes "
        "with colours, pixel counts and shares, the plan and timings",
    )

    def to_options(self, max_side: int) -> SegmentOptions:
        """Parse the sizes; raises InvalidOption."""
        return SegmentOptions(
            mode=self.mode,
            crop=_size("crop", self.crop, _SMALLEST_CROP, max_side),
            stride=_size("stride", self.stride, 1, max_side),
            resize=self.resize,
        )


def refuse_repeated(parameters: list[tuple[str, str]]) -> None:
    """Raise RequestError for a parameter that is given twice: which one was meant?"""
    names = [name for name, _ in parameters]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(
                422,
                "repeated_parameter",
                f"{name} is given {names.count(name)} times: give it once",
            )


def _size(option: str, text: str | None, smallest: int, largest: int) -> Size | None:
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    size = Size(int(match[1]), int(match[2])) if match else None
    if size is None or not all(smallest <= side <= largest for side in (size.height, size.width)):
        raise InvalidOption(
            option,
            f"{option} is {text[:40]!r}: it takes HEIGHTxWIDTH, such as 512x1024, "
            f"each side from {smallest} to {largest}",
        )
    return size
