"""Triton's model configuration, as far as this project uses it: typed, under its own field names.

The schema is `model_config.proto` of triton-inference-server/common; a test reads what is rendered
from these with that schema's own parser.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class DataType(StrEnum):
    """Of a tensor."""

    UINT8 = "TYPE_UINT8"
    FP16 = "TYPE_FP16"
    FP32 = "TYPE_FP32"


class Kind(StrEnum):
    """Where an instance runs."""

    GPU = "KIND_GPU"
    CPU = "KIND_CPU"


class TimeoutAction(StrEnum):
    """What becomes of a request that has waited too long."""

    REJECT = "REJECT"
    DELAY = "DELAY"


@dataclass(frozen=True)
class Tensor:
    """An input or an output; dims: without the batch, -1 where any."""

    name: str
    data_type: DataType
    dims: tuple[int, ...]


@dataclass(frozen=True)
class QueuePolicy:
    """How long a request may wait (0: for ever) and how many may (0: any number)."""

    timeout_action: TimeoutAction
    default_timeout_microseconds: int
    allow_timeout_override: bool
    max_queue_size: int


@dataclass(frozen=True)
class DynamicBatching:
    """How long the first request of a batch waits for others, and the queue in front."""

    max_queue_delay_microseconds: int
    default_queue_policy: QueuePolicy


@dataclass(frozen=True)
class InstanceGroup:
    """How many copies of the model run side by side."""

    kind: Kind
    count: int


@dataclass(frozen=True)
class SpecificVersions:
    """The versions that are served."""

    versions: tuple[int, ...]


@dataclass(frozen=True)
class VersionPolicy:
    """Which versions are served."""

    specific: SpecificVersions


@dataclass(frozen=True)
class WarmupInput:
    """Zeros of a shape without the batch."""

    data_type: DataType
    dims: tuple[int, ...]
    zero_data: bool = True


@dataclass(frozen=True)
class Warmup:
    """A request that is run before the model is ready."""

    name: str
    batch_size: int
    inputs: dict[str, WarmupInput]


@dataclass(frozen=True)
class GraphShape:
    """A shape without the batch."""

    dim: tuple[int, ...]


@dataclass(frozen=True)
class GraphSpec:
    """A batch size and shape for which a CUDA graph is captured."""

    batch_size: int
    input: dict[str, GraphShape]


@dataclass(frozen=True)
class Cuda:
    """CUDA graphs: one launch instead of one per kernel."""

    graphs: bool
    graph_spec: tuple[GraphSpec, ...]


@dataclass(frozen=True)
class Optimization:
    """What Triton's TensorRT back end may do."""

    cuda: Cuda


@dataclass(frozen=True)
class Parameter:
    """A setting of the back end's own."""

    string_value: str


@dataclass(frozen=True)
class ModelConfig:
    """The whole of a config.pbtxt.

    cc_model_filenames: which plan is for which compute capability.
    """

    name: str
    platform: str
    max_batch_size: int
    version_policy: VersionPolicy
    input: tuple[Tensor, ...]
    output: tuple[Tensor, ...]
    instance_group: tuple[InstanceGroup, ...]
    dynamic_batching: DynamicBatching
    model_warmup: tuple[Warmup, ...]
    default_model_filename: str
    cc_model_filenames: dict[str, str] = field(default_factory=dict)
    optimization: Optimization | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
