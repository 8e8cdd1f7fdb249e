"""The ways to run a PyTorch network: eager or as a CUDA graph, with float32 or half weights.

Activations are channels last in all of them, since pictures are (N, H, W, 3) and convolutions keep
the layout of their input. Weights are converted at each call, except where they are stored so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.speed.case import EngineName
from benchmarks.speed.network_graph import NetworkGraph
from export.network import OCRNet
from ocrnet.artefacts import Precision
from ocrnet.errors import EngineError
from ocrnet.zoo import ModelSpec

# (N, H, W, 3) uint8 → logits (N, K, h, w) and labels (N, H, W), on the device, not waited for.
Label = Callable[[Tensor], tuple[Tensor, Tensor]]
_WARM_UP = 3


@dataclass(frozen=True)
class Way:
    """autocast: float16 where PyTorch's autocast chooses it; half_weights: float16 everywhere.

    cuda_graph: all kernels launched at once. channels_last: weights stored in that layout.
    """

    autocast: bool = False
    half_weights: bool = False
    cuda_graph: bool = False
    channels_last: bool = False

    def in_words(self) -> str:
        """What differs from PyTorch's usual; empty where nothing does."""
        parts = ["half weights"] if self.half_weights else []
        parts += ["weights channels last"] if self.channels_last else []
        parts += ["as one CUDA graph"] if self.cuda_graph else []
        return ", ".join(parts)


def way(engine: EngineName, precision: Precision) -> Way:
    """Return what an engine of the name `torch…` does in that precision."""
    half = precision == "float16"
    if engine == "torch":
        return Way(autocast=half)
    return Way(
        half_weights=half,
        cuda_graph=engine.startswith("torch-graph"),
        channels_last=engine.endswith("channels-last"),
    )


class HalfWeights(torch.nn.Module):
    """The network with float16 weights and activations, behind its float32 normalisation.

    The mean in float16 would be off by up to 0.03 grey levels.
    """

    def __init__(self, network: OCRNet):
        """network: changed in place."""
        super().__init__()
        network.backbone.half()
        network.decode_head.half()
        self._network = network

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, H, W, 3) → logits float16 (N, K, h, w)."""
        logits, _ = self._network.heads(self._network.normalise(image).half())
        return logits


def open_label(network: OCRNet, spec: ModelSpec, way: Way, given: Tensor) -> Label:
    """Return what labels pictures of the shape of `given`, on the device where that is.

    network: changed in place. A CUDA graph returns the same two tensors at each call. Raises
    EngineError if the graph cannot be captured.
    """
    if way.channels_last:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module: torch.nn.Module = HalfWeights(network) if way.half_weights else network
    graph = NetworkGraph(module, str(given.device), "float16" if way.autocast else "float32")

    def label(images: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            logits = graph.logits(images)
            size = (images.shape[1], images.shape[2])
            full = interpolate(logits, size, mode="bilinear", align_corners=spec.align_corners)
            return logits, full.argmax(1)

    return _captured(label, given) if way.cuda_graph else label


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
