"""What one measurement is of: everything that has to be alike for two to be compared.

Not every combination of engine, precision, mode and device exists: `check_case` refuses the others.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from benchmarks.speed.device import Device
from ocrnet.artefacts import Kind, Precision
from ocrnet.errors import InputError
from ocrnet.inference.options import Mode
from ocrnet.zoo import ModelSpec, Size

# torch: eager, float16 by autocast; the other three have half weights in float16 and, but for
# torch-half, all kernels in one CUDA graph. onnxruntime-bound: pictures and labels stay on the
# device.
EngineName = Literal[
    "torch", "torch-half", "torch-graph", "torch-graph-channels-last",
    "onnxruntime", "onnxruntime-bound", "openvino", "tensorrt", "triton", "http",
]  # fmt: skip
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
Graph = Literal["plain", "optimised"]

# mmsegmentation's published fps: Cityscapes as it is, the others at test time's resize of a typical
# picture (docs/en/model_zoo.md and the configs' test pipelines).
_SIZES = {
    "cityscapes": Size(1024, 2048),
    "ade20k": Size(512, 683),
    "voc12": Size(512, 683),
}


@dataclass(frozen=True)
class Case:
    """A model of the zoo, standing for its architecture, at one size by one engine.

    graph: optimised where the engine runs a rewritten float32 graph of one size; else plain.
    batch: pictures of one call; concurrency: calls under way at once. Pixels.
    """

    architecture: str
    model: str
    engine: EngineName
    precision: Precision
    graph: Graph
    mode: Mode
    batch: int
    concurrency: int
    height: int
    width: int

    @property
    def size(self) -> Size:
        """The picture's."""
        return Size(self.height, self.width)

    def kind(self, spec: ModelSpec) -> Kind:
        """The graph that serves it: the window's in slides, the fixed one where there is one."""
        if self.mode == "slide" or self.size == spec.crop:
            return "window"
        return "whole" if self.size == spec.whole else "dynamic"

    @property
    def in_torch(self) -> bool:
        """Whether PyTorch computes, in whichever way: no graph is built for it."""
        return self.engine.startswith("torch")

    @property
    def cuda_graph(self) -> bool:
        """Whether all kernels are launched at once."""
        return self.engine.startswith("torch-graph")

    @property
    def stays_on_device(self) -> bool:
        """Whether its engine labels pictures on the device, and nothing else."""
        return self.engine == "onnxruntime-bound" or (self.in_torch and self.engine != "torch")

    def can_be_optimised(self, spec: ModelSpec) -> bool:
        """Whether its engine runs a graph that is rewritten for CPUs."""
        runs = self.engine.startswith("onnxruntime") or self.engine in (
            "openvino",
            "triton",
            "http",
        )
        return runs and self.precision == "float32" and self.kind(spec) != "dynamic"

    def __str__(self) -> str:
        more = f", batch {self.batch}" if self.batch > 1 else ""
        more += f", {self.concurrency} at once" if self.concurrency > 1 else ""
        engine = f"{self.engine} {self.precision} {self.graph}"
        return f"{self.architecture} {self.size} {self.mode}, {engine}{more}"


def published_size(spec: ModelSpec) -> Size:
    """The size that the published fps of its data set are for."""
    return _SIZES[spec.dataset]


def check_case(case: Case, device: Device, *, elsewhere: bool = False) -> None:
    """Raise InputError for a combination that the device does not support, naming one that it does.

    elsewhere: whether a server that runs already is asked, instead of one started here, on the CPU.
    """
    serving = case.engine in ("triton", "http")
    if serving and not device.is_cpu and not elsewhere:
        flag = {"triton": "--triton HOST:PORT", "http": "--url"}[case.engine]
        raise InputError(f"{case.engine} started here computes on the CPU: name one with {flag}")
    if case.engine == "openvino" and not device.is_cpu:
        raise InputError("openvino computes on the CPU: --device cpu")
    if case.engine == "tensorrt" and device.is_cpu:
        raise InputError("tensorrt computes on a GPU: name it with --device")
    if serving and case.precision != "float32":
        raise InputError(f"{case.engine} serves what it has: --precision float32, the default")
    if case.precision == "float16" and device.is_cpu:
        raise InputError("a CPU has no float16 arithmetic: --precision float32 or int8")
    if case.engine == "torch-half" and case.precision != "float16":
        raise InputError("torch-half has half weights: --precision float16")
    if case.cuda_graph and device.is_cpu:
        raise InputError(f"{case.engine} is a CUDA graph: name a GPU with --device")
    if case.stays_on_device and case.mode == "slide":
        raise InputError(
            f"{case.engine} labels pictures on the device: --mode whole, or --engine torch"
        )
    if case.precision == "int8" and case.in_torch:
        raise InputError("torch has no int8 here: --engine onnxruntime, openvino or tensorrt")
    if case.batch > 1 and (case.mode == "slide" or serving):
        raise InputError(
            "--batch is for --mode whole and engines in this process: use --concurrency"
        )
    if case.concurrency > 1 and not serving:
        raise InputError("--concurrency is for triton and http: others run one call at a time")
