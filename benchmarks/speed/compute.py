"""How much a network computes, and how much the device could."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from export.network import OCRNet
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.zoo import ModelSpec, Size


def gmac(spec: ModelSpec, picture: Size, options: SegmentOptions) -> float:
    """Multiply-accumulates, in thousands of millions, of all windows of a picture.

    Convolutions and matrix products of the plain network, as PyTorch counts them; normalisation,
    activations and resizes are left out.
    """
    plan = plan_request(picture, spec, options)
    with torch.device("meta"):
        network = OCRNet(spec).eval()
    total = sum(gmac_of(network, view.windows.window) * len(view.windows) for view in plan)
    return total * (2 if plan.flip else 1)


def gmac_of(network: torch.nn.Module, size: Size) -> float:
    """The same of one picture, by a network on PyTorch's meta device."""
    image = torch.empty(1, size.height, size.width, 3, dtype=torch.uint8, device="meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    return float(counter.get_total_flops()) / 2e9


def measured_peak(side: int = 2048, repeats: int = 20) -> float:
    """GMAC/s of a float32 matrix product on this CPU: the best of PyTorch's and OpenVINO's.

    On some processors one of the two is twice as fast as the other.
    """
    from ocrnet.without_telemetry import openvino

    left, right = np.random.default_rng(0).random((2, side, side), np.float32)
    given, constant = torch.from_numpy(left), torch.from_numpy(right)
    parameter = openvino.opset13.parameter([side, side], np.float32)
    product = openvino.opset13.matmul(parameter, openvino.opset13.constant(right), False, False)
    model = openvino.Model([product], [parameter])
    config = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()
    best = min(
        _fastest(lambda: torch.mm(given, constant), repeats),
        _fastest(lambda: request.infer([left]), repeats),
    )
    return side**3 / best / 1e9


def _fastest(run: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
