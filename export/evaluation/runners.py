"""Open artefacts with the runtimes that they are for: uint8 pictures in, float32 logits out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.graphs.fp16 import with_visible_rounding
from export.network import OCRNet
from export.tensorrt.plan_runner import PlanGraph
from ocrnet.artefacts import Format, Precision
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.errors import ArtefactError
from ocrnet.without_telemetry import onnxruntime

Run = Callable[[Images], NDArray[np.float32]]

_CUDA = "CUDAExecutionProvider"


class EvaluatedGraph(LoadedGraph, Protocol):
    """A LoadedGraph that is compared with PyTorch: each run of it gives all that is compared."""

    def run_outputs(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        """As run, but several outputs of one run, by name."""


def run_pytorch(network: OCRNet) -> Run:
    """(N, H, W, 3) uint8 → logits float32 (N, K, h, w), by the network itself."""

    def run(images: Images) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
        return logits

    return run


def run_onnx(model: Path | onnx.ModelProto) -> Run:
    """In ONNX Runtime on the CPU, logits alone."""
    return _logits_of(_onnx(model))


def open_runner(path: Path, form: Format, precision: Precision) -> Run:
    """As open_graph, but logits alone, as float32 (N, K, h, w)."""
    return _logits_of(open_graph(path, form, precision))


def open_graph(path: Path, form: Format, precision: Precision) -> EvaluatedGraph:
    """Open an artefact; raises ArtefactError, for a plan also where no GPU can run it.

    A float16 graph runs on the GPU where ONNX Runtime has one, else with its rounding made visible
    (export/graphs/fp16/rounding.py).
    """
    if form == "openvino":
        from ocrnet.engines.openvino import OpenVinoGraph  # what runs on a GPU does without it

        return OpenVinoGraph(path, precision=precision)
    if form == "onnx":
        return _half(path) if precision == "float16" else _onnx(path)
    return PlanGraph(path)


def _half(path: Path) -> OnnxRuntimeGraph:
    if _CUDA in onnxruntime.get_available_providers():
        try:
            return OnnxRuntimeGraph(path, provider=(_CUDA, {}), quiet=True)
        except ArtefactError:  # there is no GPU, or no driver
            pass
    return _onnx(with_visible_rounding(onnx.load(path)))


def _onnx(model: Path | onnx.ModelProto) -> OnnxRuntimeGraph:
    source = model if isinstance(model, Path) else model.SerializeToString()
    return OnnxRuntimeGraph(source, quiet=True)


def _logits_of(graph: LoadedGraph) -> Run:
    def run(images: Images) -> NDArray[np.float32]:
        return np.asarray(graph.run(images, "logits"), np.float32)

    return run
