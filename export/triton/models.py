"""The Triton models of a zoo row: one per kind of graph, in a variant for each artefact served."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from tritonclient.grpc.model_config_pb2 import (
    TYPE_FP16,
    TYPE_FP32,
    TYPE_UINT8,
    ModelConfig,
    ModelDynamicBatching,
    ModelInput,
    ModelInstanceGroup,
    ModelOptimizationPolicy,
    ModelOutput,
    ModelParameter,
    ModelQueuePolicy,
    ModelVersionPolicy,
    ModelWarmup,
)

from export.artefacts.targets import Target
from export.graphs.ports import ports_of
from ocrnet.artefacts import Kind
from ocrnet.zoo import ModelSpec, Size

# `plan` is config.pbtxt itself; the others are chosen with --model-config-name.
Variant = Literal["plan", "plan-float32", "plan-int8", "onnx", "onnx-int8", "cpu"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
# What Triton runs; a plan is one of the GPU's compute capability.
SERVED: dict[Variant, Target] = {
    "plan": Target("tensorrt", "float16"),
    "plan-float32": Target("tensorrt", "float32"),
    "plan-int8": Target("tensorrt", "int8"),
    "onnx": Target("onnx", "float16"),
    "onnx-int8": Target("onnx", "int8"),
    "cpu": Target("onnx", "float32"),
}
_TYPES = {"UINT8": TYPE_UINT8, "FLOAT": TYPE_FP32, "FLOAT16": TYPE_FP16}
# GPUs that TensorRT 11 builds for: Turing to Blackwell.
COMPUTE_CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1")
# Of plans for batches of one size: for all of them, and for single images (docs/adr/0012).
PROFILES = ("0", "1")


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
    spec: ModelSpec, kind: Kind, size: Size | None, variant: Variant, serving: Serving
) -> ModelConfig:
    """Return the configuration of one graph; size: of a fixed graph, None for the dynamic one."""
    served = SERVED[variant]
    # Plans for any size take one image at a time: a batch would reserve memory for both.
    batch = 1 if kind == "dynamic" and served.is_plan else serving.max_batch
    ports = ports_of(spec, size, logits=served.logits_element, labels=served.gives_labels(kind))
    (image,) = ports.inputs
    capabilities = COMPUTE_CAPABILITIES if served.is_plan else ()
    # Whole images come one by one, mostly; but TensorRT inside of ONNX Runtime builds its engine
    # anew for a batch larger than any before, which takes minutes.
    warmed = batch if kind == "window" or (size and variant == "onnx-int8") else 1
    profiles = PROFILES if served.is_plan and size and batch > 1 else ()
    return ModelConfig(
        name=f"{spec.name}_{kind}",
        platform="tensorrt_plan" if served.is_plan else "onnxruntime_onnx",
        max_batch_size=batch,
        version_policy=ModelVersionPolicy(specific=ModelVersionPolicy.Specific(versions=[1])),
        input=[ModelInput(name=image.name, data_type=_TYPES[image.element], dims=image.dims[1:])],
        output=[
            ModelOutput(name=port.name, data_type=_TYPES[port.element], dims=port.dims[1:])
            for port in ports.outputs
        ],
        instance_group=[_instances(kind, served, serving, profiles)],
        dynamic_batching=_batching(kind, serving),
        model_warmup=_warmup(spec, size, warmed),
        default_model_filename=_default_file(served),
        cc_model_filenames={
            capability: replace(served, compute_capability=capability).file
            for capability in capabilities
        },
        optimization=_optimization(variant, image.dims[1:], batch) if size else None,
        parameters=_scratch_memory() if profiles else {},
    )


def _default_file(served: Target) -> str:
    """What is loaded where no plan is for the GPU at hand; for plans, a name that says so."""
    return "no_plan_for_this_gpu.plan" if served.is_plan else served.file


def _instances(
    kind: Kind, served: Target, serving: Serving, profiles: tuple[str, ...]
) -> ModelInstanceGroup:
    if served.for_cpus:  # one takes all cores
        return ModelInstanceGroup(kind=ModelInstanceGroup.KIND_CPU, count=1)
    count = serving.instances if kind == "window" else 1
    return ModelInstanceGroup(kind=ModelInstanceGroup.KIND_GPU, count=count, profile=profiles)


def _scratch_memory() -> dict[str, ModelParameter]:
    """Each profile takes scratch memory for its own images, not for the most of all of them."""
    strategy = ModelParameter(string_value="ON_PROFILE_CHANGE")
    return {"execution_context_allocation_strategy": strategy}


def _batching(kind: Kind, serving: Serving) -> ModelDynamicBatching:
    return ModelDynamicBatching(
        max_queue_delay_microseconds=serving.queue_delay if kind == "window" else 0,
        default_queue_policy=ModelQueuePolicy(
            timeout_action=ModelQueuePolicy.REJECT,
            default_timeout_microseconds=serving.queue_timeout * 1_000_000,
            allow_timeout_override=True,
            max_queue_size=serving.queue_size,
        ),
    )


def _warmup(spec: ModelSpec, size: Size | None, batch: int) -> list[ModelWarmup]:
    """Alone and as the largest batch; a graph for any size in the training crop."""
    shape = size or spec.crop
    dims = (shape.height, shape.width, 3)
    image = ModelWarmup.Input(data_type=TYPE_UINT8, dims=dims, zero_data=True)
    return [
        ModelWarmup(name=f"{shape} batch {number}", batch_size=number, inputs={"image": image})
        for number in sorted({1, batch})
    ]


def _optimization(
    variant: Variant, image: tuple[int, ...], batch: int
) -> ModelOptimizationPolicy | None:
    """What a graph of one size gains by; those of any size do without."""
    if variant == "onnx-int8":  # Q/DQ nodes are for TensorRT, which ONNX Runtime has inside
        accelerators = ModelOptimizationPolicy.ExecutionAccelerators
        tensorrt = accelerators.Accelerator(name="tensorrt")
        return ModelOptimizationPolicy(
            execution_accelerators=accelerators(gpu_execution_accelerator=[tensorrt])
        )
    return _cuda_graphs(image, batch) if SERVED[variant].is_plan else None


def _cuda_graphs(image: tuple[int, ...], batch: int) -> ModelOptimizationPolicy:
    """A CUDA graph for every batch that the batcher can form: others would run without."""
    cuda = ModelOptimizationPolicy.Cuda
    shape = cuda.GraphSpec.Shape(dim=image)
    specs = [
        cuda.GraphSpec(batch_size=number, input={"image": shape}) for number in range(1, batch + 1)
    ]
    return ModelOptimizationPolicy(cuda=cuda(graphs=True, graph_spec=specs))
