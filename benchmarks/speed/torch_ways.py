"""The ways to run a PyTorch network: eager, compiled or as a CUDA graph, and in which arithmetic.

Activations are channels last in all of them, since pictures are (N, H, W, 3) and convolutions keep
the layout of their input. Weights are converted at each call, except where they are stored so.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.speed.case import CasePrecision, EngineName
from benchmarks.speed.half_weights import HalfWeights
from benchmarks.speed.network_graph import NetworkGraph
from export.network import OCRNet
from ocrnet.errors import EngineError
from ocrnet.zoo import ModelSpec

# (N, H, W, 3) uint8 → logits (N, K, h, w) and labels (N, H, W), on the device, not waited for.
Label = Callable[[Tensor], tuple[Tensor, Tensor]]
_WARM_UP = 3
_COMPILERS = ("g++", "clang++", "c++")


@dataclass(frozen=True)
class Way:
    """autocast: float16 where PyTorch's autocast chooses it; half_weights: float16 everywhere else.

    compiled: by torch.compile, with CUDA graphs of its own on a GPU. cuda_graph: all kernels
    launched at once. channels_last: weights stored in that layout.
    """

    autocast: bool = False
    half_weights: bool = False
    compiled: bool = False
    cuda_graph: bool = False
    channels_last: bool = False

    def in_words(self) -> str:
        """What differs from PyTorch's usual; empty where nothing does."""
        parts = ["autocast"] if self.autocast else []
        parts += ["half weights, spatial gather in float32"] if self.half_weights else []
        parts += ["weights channels last"] if self.channels_last else []
        parts += ["by torch.compile"] if self.compiled else []
        parts += ["as one CUDA graph"] if self.cuda_graph else []
        return ", ".join(parts)


def way(engine: EngineName, precision: CasePrecision) -> Way:
    """Return what an engine of the name `torch…` does in that precision."""
    autocast = engine == "torch-autocast"
    return Way(
        autocast=autocast,
        half_weights=precision == "float16" and not autocast,
        compiled=engine == "torch-compile",
        cuda_graph=engine.startswith("torch-graph"),
        channels_last=engine.endswith("channels-last"),
    )


def set_tf32(allowed: bool) -> None:
    """Let float32 convolutions on a GPU round to TF32, PyTorch's default, or not.

    Matrix products stay in float32: PyTorch's default, too.
    """
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = False


def open_network(network: OCRNet, place: str, way: Way) -> NetworkGraph:
    """Return the network, changed in place, on that device and in the way's arithmetic."""
    return NetworkGraph(_module(network, way), place, autocast=way.autocast)


def open_label(network: OCRNet, spec: ModelSpec, way: Way, given: Tensor) -> Label:
    """Return what labels pictures of the shape of `given`, on the device where that is.

    network: changed in place. A CUDA graph returns the same two tensors at each call. Raises
    EngineError if the network cannot be compiled, or the graph captured.
    """
    if way.compiled:
        return _compiled(_module(network, way).to(given.device), spec, given)
    graph = open_network(network, str(given.device), way)

    def label(images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            logits = graph.logits(images)
            return logits, _labels(logits, images, spec)

    return _captured(label, given) if way.cuda_graph else label


def _module(network: OCRNet, way: Way) -> torch.nn.Module:
    if way.channels_last:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return HalfWeights(network) if way.half_weights else network


def _labels(logits: Tensor, images: Tensor, spec: ModelSpec) -> Tensor:
    size = (images.shape[1], images.shape[2])
    full = interpolate(logits, size, mode="bilinear", align_corners=spec.align_corners)
    return full.argmax(1)


def seconds_of(open_it: Callable[[], Label]) -> tuple[Label, float]:
    """Return what was opened, and how long that took."""
    started = time.perf_counter()
    label = open_it()
    return label, time.perf_counter() - started


def _compiled(module: torch.nn.Module, spec: ModelSpec, given: Tensor) -> Label:
    """Compile all of it, upsampling and argmax included, for one shape."""

    def forward(images: Tensor) -> tuple[Tensor, Tensor]:
        logits = module(images)
        return logits, _labels(logits, images, spec)

    mode = "reduce-overhead" if given.is_cuda else "default"
    compiled: Label = torch.compile(forward, mode=mode, dynamic=False, fullgraph=True)

    def label(images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():  # the compiler refuses tensors of inference mode
            return compiled(images)

    try:
        for _ in range(_WARM_UP):  # the first compiles, those after it record CUDA graphs
            label(given)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        said = " ".join(str(error).strip().splitlines()[:2]) or type(error).__name__
        more = "" if any(map(shutil.which, _COMPILERS)) else " (it needs a C++ compiler: g++)"
        raise EngineError(f"torch.compile failed: {said}{more}") from error
    return label


def _captured(label: Label, given: Tensor) -> Label:
    with torch.inference_mode():
        static = given.clone()
        # On a stream of its own, as PyTorch asks for: libraries allocate at their first calls.
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                label(static)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                outputs = label(static)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise EngineError(f"the CUDA graph cannot be captured: {error}") from error

    def replay(images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            static.copy_(images)
        graph.replay()
        return outputs

    return replay
