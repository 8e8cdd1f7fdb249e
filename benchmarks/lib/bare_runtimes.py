"""OpenVINO and ONNX Runtime as one would use them without this project, in exact float32.

Benchmarks set our engines against these, and measure what engines do not do. Engines themselves
are opened by ocrnet/engines. Each runtime is imported when it is opened.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images

# OpenVINO's own default is bfloat16 where the processor has it.
_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


def openvino_run(graph: Path, batch: int | None = None) -> Callable[[Images], Any]:
    """Compile the graph as it is, for any N, or for `batch` images a call."""
    from ocrnet.without_telemetry import openvino

    core = openvino.Core()
    model = core.read_model(str(graph))
    if batch is not None:
        shape = model.input("image").partial_shape
        shape[0] = batch
        model.reshape({"image": shape})
    compiled: Callable[[Images], Any] = core.compile_model(model, "CPU", _EXACT)
    return compiled


def onnxruntime_run(graph: Path) -> Callable[[Images], Any]:
    """Open the graph with ONNX Runtime's defaults."""
    from ocrnet.without_telemetry import onnxruntime

    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"image": images})


def openvino_product(right: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], object]:
    """Compile a product of square matrices whose right side is fixed."""
    from ocrnet.without_telemetry import openvino

    opset = openvino.opset13
    parameter = opset.parameter(list(right.shape), np.float32)
    product = opset.matmul(parameter, opset.constant(right), False, False)
    model = openvino.Model([product], [parameter])
    request = openvino.Core().compile_model(model, "CPU", _EXACT).create_infer_request()
    return lambda left: request.infer([left])
