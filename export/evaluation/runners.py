"""Run an artefact with the runtime that it is for: uint8 pictures in, float32 logits out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.graphs.fp16 import with_visible_rounding
from export.network import OCRNet
from export.tensorrt.plan_runner import PlanRunner
from ocrnet.artefacts import Format, Precision
from ocrnet.without_telemetry import onnxruntime

Images = NDArray[np.uint8]
Run = Callable[[Images], NDArray[np.float32]]
RunAll = Callable[[Images], dict[str, NDArray[np.generic]]]

_CUDA = "CUDAExecutionProvider"


def run_pytorch(network: OCRNet) -> Run:
    """(N, H, W, 3) uint8 → logits float32 (N, K, h, w), by the network itself."""

    def run(images: Images) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
        return logits

    return run


def run_onnx(model: Path | onnx.ModelProto) -> Run:
    """In ONNX Runtime on the CPU, logits alone."""
    return _logits_of(_onnx(model, ["logits"]))


def open_outputs(path: Path, form: Format, precision: Precision, outputs: list[str]) -> RunAll:
    """Open what an artefact is run with: (N, H, W, 3) uint8 → those of its outputs, by name.

    A float16 graph runs on the GPU where ONNX Runtime has one, else with its rounding made visible
    (export/graphs/fp16/rounding.py). Raises ArtefactError for a plan where no GPU can run it.
    """
    if form == "openvino":
        return _openvino(path, precision, outputs)
    if form == "onnx":
        if precision == "float16":
            return _half(path, outputs)
        return _onnx(path, outputs)
    return PlanRunner(path, outputs)


def open_runner(path: Path, form: Format, precision: Precision) -> Run:
    """As open_outputs, but logits alone, as float32 (N, K, h, w)."""
    return _logits_of(open_outputs(path, form, precision, ["logits"]))


def _half(path: Path, outputs: list[str]) -> RunAll:
    if _CUDA in onnxruntime.get_available_providers():
        session = _session(path, [_CUDA])
        if _CUDA in session.get_providers():  # else there is no GPU, or no driver
            return _all_of(session, outputs)
    return _onnx(with_visible_rounding(onnx.load(path)), outputs)


def _onnx(model: Path | onnx.ModelProto, outputs: list[str]) -> RunAll:
    return _all_of(_session(model, ["CPUExecutionProvider"]), outputs)


def _session(model: Path | onnx.ModelProto, providers: list[str]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=providers)


def _all_of(session: onnxruntime.InferenceSession, outputs: list[str]) -> RunAll:
    def run(images: Images) -> dict[str, NDArray[np.generic]]:
        return dict(zip(outputs, session.run(outputs, {"image": images}), strict=True))

    return run


def _openvino(path: Path, precision: Precision, outputs: list[str]) -> RunAll:
    from ocrnet.engines.openvino import float_type
    from ocrnet.without_telemetry import openvino  # here: what runs on a GPU does without it

    config = {"INFERENCE_PRECISION_HINT": float_type(precision), "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(str(path), "CPU", config)
    request = compiled.create_infer_request()

    def run(images: Images) -> dict[str, NDArray[np.generic]]:
        request.infer({"image": images})
        # Copies: the request writes its next answer into the same memory.
        return {name: request.get_tensor(name).data.copy() for name in outputs}

    return run


def _logits_of(run_all: RunAll) -> Run:
    def run(images: Images) -> NDArray[np.float32]:
        return np.asarray(run_all(images)["logits"], np.float32)

    return run
