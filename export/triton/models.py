"""The Triton models of a zoo row: one per kind of graph, in three variants."""

from dataclasses import dataclass
from typing import Literal, get_args

from export.artefacts.targets import Target
from export.graphs.ports import Port, ports_of
from export.triton.config import (
    Cuda,
    DataType,
    DynamicBatching,
    GraphShape,
    GraphSpec,
    InstanceGroup,
    Kind,
    ModelConfig,
    Optimization,
    QueuePolicy,
    SpecificVersions,
    Tensor,
    TimeoutAction,
    VersionPolicy,
    Warmup,
    WarmupInput,
)
from ocrnet.artefacts import Kind as GraphKind
from ocrnet.zoo import ModelSpec, Size

# `plan` is config.pbtxt itself; the others are chosen with --model-config-name.
Variant = Literal["plan", "onnx", "cpu"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
_TYPES = {"UINT8": DataType.UINT8, "FLOAT": DataType.FP32, "FLOAT16": DataType.FP16}
# GPUs that TensorRT 10 and 11 build for: Turing to Blackwell.
COMPUTE_CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0")


@dataclass(frozen=True)
class Serving:
    """How models are served; the defaults are estimates that no GPU has confirmed.

    max_batch: of window and whole graphs. queue_delay: microseconds that the first window of a
    batch waits for others. queue_size: requests that may wait. queue_timeout: seconds after which
    a waiting request is refused. instances: of window graphs on a GPU, so that one copies while
    the other computes.
    """

    max_batch: int = 8
    queue_delay: int = 2000
    queue_size: int = 128
    queue_timeout: int = 300
    instances: int = 2


def model_config(
    spec: ModelSpec, kind: GraphKind, size: Size | None, variant: Variant, serving: Serving
) -> ModelConfig:
    """Return the configuration of one graph; size: of a fixed graph, None for the dynamic one."""
    # Plans for any size take one picture at a time: a batch would reserve memory for both.
    batch = 1 if kind == "dynamic" and variant == "plan" else serving.max_batch
    served = _served(variant)
    ports = ports_of(spec, size, served.precision, labels=served.gives_labels(kind))
    (image,) = (_tensor(port) for port in ports.inputs)
    capabilities = COMPUTE_CAPABILITIES if variant == "plan" else ()
    plans = {cc: _served(variant, cc).file for cc in capabilities}
    return ModelConfig(
        name=f"{spec.name}_{kind}",
        platform="tensorrt_plan" if variant == "plan" else "onnxruntime_onnx",
        max_batch_size=batch,
        version_policy=VersionPolicy(SpecificVersions((1,))),
        input=(image,),
        output=tuple(_tensor(port) for port in ports.outputs),
        instance_group=(_instances(kind, variant, serving),),
        dynamic_batching=DynamicBatching(
            serving.queue_delay if kind == "window" else 0,
            QueuePolicy(
                TimeoutAction.REJECT, serving.queue_timeout * 1_000_000, True, serving.queue_size
            ),
        ),
        model_warmup=_warmup(spec, size, batch if kind == "window" else 1),
        default_model_filename=_file(variant),
        cc_model_filenames=plans,
        optimization=_graphs(image.dims, batch) if variant == "plan" and size else None,
    )


def _served(variant: Variant, compute_capability: str = "") -> Target:
    """What Triton runs; compute_capability: of a plan."""
    if variant == "plan":
        return Target("tensorrt", "float16", compute_capability)
    return Target("onnx", "float32" if variant == "cpu" else "float16")


def _file(variant: Variant) -> str:
    """What is loaded where no plan is for the GPU at hand; for plans, a name that says so."""
    return "no_plan_for_this_gpu.plan" if variant == "plan" else _served(variant).file


def _tensor(port: Port) -> Tensor:
    return Tensor(port.name, _TYPES[port.element], port.dims[1:])


def _instances(kind: GraphKind, variant: Variant, serving: Serving) -> InstanceGroup:
    if variant == "cpu":  # one takes all cores
        return InstanceGroup(Kind.CPU, 1)
    return InstanceGroup(Kind.GPU, serving.instances if kind == "window" else 1)


def _warmup(spec: ModelSpec, size: Size | None, batch: int) -> tuple[Warmup, ...]:
    """Alone and as the largest batch; a graph for any size in the training crop."""
    shape = size or spec.crop
    image = WarmupInput(DataType.UINT8, (shape.height, shape.width, 3))
    return tuple(
        Warmup(f"{shape} batch {number}", number, {"image": image}) for number in sorted({1, batch})
    )


def _graphs(image: tuple[int, ...], batch: int) -> Optimization:
    """A CUDA graph for every batch that the batcher can form: others would run without."""
    specs = (GraphSpec(number, {"image": GraphShape(image)}) for number in range(1, batch + 1))
    return Optimization(Cuda(True, tuple(specs)))
