"""How much a network computes, and how much the device could."""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from export.network import OCRNet
from ocrnet.options import SegmentOptions
from ocrnet.plan import plan_request
from ocrnet.zoo import ModelSpec, Size


def gmac(spec: ModelSpec, picture: Size, options: SegmentOptions) -> float:
    """Multiply-accumulates, in thousands of millions, of all windows of a picture.

    Convolutions and matrix products of the plain network, as PyTorch counts them; normalisation,
    activations and resizes are left out.
    """
    plan = plan_request(picture, spec, options)
    total = 0
    with torch.device("meta"):
        network = OCRNet(spec).eval()
    for view in plan:
        size = view.windows.window
        image = torch.empty(1, size.height, size.width, 3, dtype=torch.uint8, device="meta")
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network(image)
        total += counter.get_total_flops() // 2 * len(view.windows)
    return total * (2 if plan.flip else 1) / 1e9


def measured_peak(side: int = 2048, repeats: int = 7) -> float:
    """GMAC/s of PyTorch's float32 matrix product on this CPU: the best of several."""
    left, right = torch.rand(side, side), torch.rand(side, side)
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    return side**3 / best / 1e9
