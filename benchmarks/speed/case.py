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

# torch: eager, and with half weights in float16; torch-autocast: float16 where PyTorch's autocast
# chooses it. torch-compile and torch-graph: the same network, compiled or as one CUDA graph.
# …-bound: images and labels stay on the device.
EngineName = Literal[
    "torch", "torch-autocast", "torch-compile", "torch-graph", "torch-graph-channels-last",
    "onnxruntime", "onnxruntime-bound", "openvino", "tensorrt", "tensorrt-bound", "triton", "http",
]  # fmt: skip
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
# What a runtime computes in. tf32: float32 whose products a GPU's tensor cores round to TF32.
Arithmetic = Literal["float32", "tf32", "float16", "int8"]
ARITHMETICS: tuple[Arithmetic, ...] = get_args(Arithmetic)
# A server computes in what it serves: its measurement says which.
CasePrecision = Arithmetic | Literal["as served"]
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

    graph: optimised where the engine runs a float32 graph of one size that is rewritten for CPUs;
    else plain. batch: pictures of one call; concurrency: calls under way at once. Pixels.
    """

    architecture: str
    model: str
    engine: EngineName
    precision: CasePrecision
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
    def in_tensorrt(self) -> bool:
        """Whether a plan is run in this process."""
        return self.engine.startswith("tensorrt")

    @property
    def serving(self) -> bool:
        """Whether a server is asked."""
        return self.engine in ("triton", "http")

    @property
    def cuda_graph(self) -> bool:
        """Whether all kernels are launched at once."""
        return self.engine.startswith("torch-graph")

    @property
    def bound(self) -> bool:
        """Whether a graph's input and output are the device's memory."""
        return self.engine.endswith("-bound")

    @property
    def stays_on_device(self) -> bool:
        """Whether its engine labels pictures on the device, and nothing else."""
        return self.bound or self.cuda_graph or self.engine == "torch-compile"

    @property
    def tf32(self) -> bool:
        """Whether products in float32 round to TF32."""
        return self.precision == "tf32"

    @property
    def artefact_precision(self) -> Precision:
        """Of the graph that its engine runs: TF32 is a setting of the runtime or of the build."""
        if self.precision in ("tf32", "as served"):
            return "float32"
        return self.precision  # type: ignore[return-value]  # mypy does not narrow by `in`

    def can_be_optimised(self, spec: ModelSpec) -> bool:
        """Whether its engine runs a graph that is rewritten for CPUs."""
        runs = self.engine.startswith("onnxruntime") or self.engine == "openvino" or self.serving
        return runs and self.artefact_precision == "float32" and self.kind(spec) != "dynamic"

    def __str__(self) -> str:
        more = f", batch {self.batch}" if self.batch > 1 else ""
        more += f", {self.concurrency} at once" if self.concurrency > 1 else ""
        engine = f"{self.engine} {self.precision} {self.graph}"
        return f"{self.architecture} {self.size} {self.mode}, {engine}{more}"


def published_size(spec: ModelSpec) -> Size:
    """The size that the published fps of its data set are for."""
    return _SIZES[spec.dataset]


def usual_precision(device: Device) -> Arithmetic:
    """Return what PyTorch's convolutions compute in unless told otherwise."""
    return "tf32" if device.has_tf32 else "float32"


def check_case(case: Case, device: Device, *, elsewhere: bool = False) -> None:
    """Raise InputError for a combination that the device does not support, naming one that it does.

    elsewhere: whether a server that runs already is asked, instead of one started here, on the CPU.
    """
    _check_place(case, device, elsewhere)
    _check_precision(case, device)
    if case.stays_on_device and case.mode == "slide":
        raise InputError(
            f"{case.engine} labels pictures on the device: --mode whole, or --engine torch"
        )
    if case.batch > 1 and (case.mode == "slide" or case.serving):
        raise InputError(
            "--batch is for --mode whole and engines in this process: use --concurrency"
        )
    if case.concurrency > 1 and not case.serving:
        raise InputError("--concurrency is for triton and http: others run one call at a time")


def _check_place(case: Case, device: Device, elsewhere: bool) -> None:
    if case.serving and not device.is_cpu and not elsewhere:
        flag = {"triton": "--triton HOST:PORT", "http": "--url"}[case.engine]
        raise InputError(f"{case.engine} started here computes on the CPU: name one with {flag}")
    if case.engine == "openvino" and not device.is_cpu:
        raise InputError("openvino computes on the CPU: --device cpu")
    if case.in_tensorrt and device.is_cpu:
        raise InputError(f"{case.engine} computes on a GPU: name it with --device")
    if case.cuda_graph and device.is_cpu:
        raise InputError(f"{case.engine} is a CUDA graph: name a GPU with --device")


def _check_precision(case: Case, device: Device) -> None:
    if case.tf32 and not device.has_tf32:
        raise InputError(
            f"{device.name} has no TF32, which GPUs have from compute capability 8.0 on: "
            "--precision float32"
        )
    if case.precision == "float16" and device.is_cpu:
        raise InputError("a CPU has no float16 arithmetic: --precision float32 or int8")
    if case.engine == "torch-autocast" and case.precision != "float16":
        raise InputError("torch-autocast is for --precision float16; others are --engine torch")
    if case.precision == "int8" and case.in_torch:
        raise InputError("torch has no int8 here: --engine onnxruntime, openvino or tensorrt")
