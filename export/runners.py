"""Run an artefact with the runtime that it is for: uint8 pictures in, float32 logits out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import torch
from numpy.typing import NDArray

from export.half import with_visible_rounding
from export.network import OCRNet
from export.tensorrt.run import PlanRunner
from ocrnet.artefacts import Format, Precision

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def run_pytorch(network: OCRNet) -> Run:
    """(N, H, W, 3) uint8 → logits float32 (N, K, h, w), by the network itself."""

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
        return logits

    return run


def run_onnx(model: Path | onnx.ModelProto) -> Run:
    """In ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"image": images})
        return np.asarray(logits, np.float32)

    return run


def run_openvino(path: Path) -> Run:
    """In OpenVINO on the CPU, float layers in float32."""
    config = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(str(path), "CPU", config)
    request = compiled.create_infer_request()

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        request.infer({"image": images})
        return np.array(request.get_tensor("logits").data, np.float32)

    return run


def open_runner(path: Path, form: Format, precision: Precision) -> Run:
    """Open what an artefact is run with.

    A float16 graph runs with its rounding made visible (export/half/rounding.py). Raises
    ArtefactError for a plan where no GPU can run it.
    """
    if form == "openvino":
        return run_openvino(path)
    if form == "onnx":
        if precision == "float16":
            return run_onnx(with_visible_rounding(onnx.load(path)))
        return run_onnx(path)
    return PlanRunner(path)
