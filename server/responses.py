"""The JSON documents that the gateway answers with, as `/openapi.json` describes them.

A member that a document may lack is never null: `left_out` declares it. Members that may be null
are always there.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from ocrnet.artefacts import Kind, Precision, ServedPrecision, Weights
from ocrnet.cost import Cost
from ocrnet.engines import Runtime
from ocrnet.inference.options import Mode, Resize
from ocrnet.inference.stitching import Blend
from ocrnet.zoo.spec import Published


def left_out(description: str) -> Any:
    """Declare a member that only some documents have."""

    def without_default(schema: JsonDict) -> None:
        del schema["default"]

    return Field(default=None, description=description, json_schema_extra=without_default)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_Document):
    """RFC 9457; docs/api.md lists the codes."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    limit: int = left_out("what is allowed, where a limit was passed")
    actual: int = left_out("what the request had, or would take")


class Liveness(_Document):
    """That the process is alive."""

    status: Literal["live"]


class Readiness(_Document):
    """Whether requests can be served, or what is in the way."""

    status: Literal["ready", "triton_unreachable", "gpu_lost"]


class ClassDescription(_Document):
    """A class of a model."""

    index: int
    name: str
    colour: tuple[int, int, int] = Field(description="red, green, blue")
    label_id: int = left_out("the data set's own number, where it differs from the index")


class GraphInProcess(_Document):
    """A graph that this process runs."""

    kind: Kind
    precision: Precision
    size: str = Field(description="HEIGHTxWIDTH, or any")
    outputs: list[str] = Field(description="logits; also labels where it finds each pixel's class")
    runtime: Runtime
    device: str = Field(description="CPU, or the GPU with its number and name")
    provider: str | None = Field(description="ONNX Runtime's execution provider; null: OpenVINO")
    passes: list[str] = Field(
        description="what the graph was rewritten with, for the same logits in less time; empty: "
        "it is as PyTorch has it"
    )
    sha256: str
    checkpoint: str
    parity: dict[str, float] = Field(
        description="largest logit error against PyTorch, over the largest logit, by size"
    )


class GraphOnTriton(_Document):
    """A graph that Triton runs."""

    kind: Kind
    precision: Precision
    size: str = Field(description="HEIGHTxWIDTH, or any")
    outputs: list[str] = Field(description="logits; also labels where it finds each pixel's class")
    triton: str = Field(description="name of the Triton model")
    max_batch: int


class ModelSummary(_Document):
    """What tells a served model from the others."""

    name: str
    backbone: str
    dataset: str
    crop: str
    published: Published
    weights: Weights
    precision: ServedPrecision | None = Field(description="null with Triton: its graphs say theirs")
    loaded: bool


class ModelList(_Document):
    """The models that are served."""

    default: str = Field(description="the model of requests that name none")
    models: list[ModelSummary]


class ModelDescription(_Document):
    """All facts about a served model."""

    name: str
    aliases: list[str]
    backbone: str
    dataset: str
    crop: str
    stride: str
    output_stride: int
    published: Published
    weights: Weights
    precision: ServedPrecision | None = Field(description="null with Triton: its graphs say theirs")
    loaded: bool
    memory_bytes: int | None = Field(description="what the process grew by when it was loaded")
    legend: str
    palette: str
    classes: list[ClassDescription]
    graphs: list[GraphInProcess | GraphOnTriton]


class ViewPlan(_Document):
    """The picture at one scale."""

    scale: float
    size: str
    window: str
    windows: int


class Plan(_Document):
    """What the engine runs."""

    windows: int
    views: list[ViewPlan]


class _Planned(_Document):
    model: str
    height: int
    width: int
    mode: Mode
    blend: Blend
    resize: Resize
    flip: bool
    plan: Plan


class ClassShare(ClassDescription):
    """A class that is in the picture."""

    pixels: int
    share: float


class Component(_Document):
    """A connected region of one class."""

    index: int
    name: str
    box: tuple[int, int, int, int] = Field(description="left, top, width, height")
    pixels: int


class SegmentReport(_Planned):
    """The answer to format=json: `ocrnet.formats.report` writes it."""

    classes: list[ClassShare]
    components_total: int = left_out("with boxes: how many regions have min_pixels or more")
    components: list[Component] = left_out("with boxes: the largest regions, at most 1000")
    milliseconds: dict[str, float]


class Forecast(_Planned):
    """The answer to dry_run=1: the plan and what it takes."""

    cost: Cost
    limits: Cost
    allowed: bool
