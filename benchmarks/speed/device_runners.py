"""Runners whose pictures and label maps stay on the device: PyTorch, and ONNX Runtime bound to it.

Their time is what mmsegmentation's benchmark measures: forward, upsample and argmax, waited for.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.speed.case import Case
from benchmarks.speed.device import Device
from benchmarks.speed.graph_runtimes import onnxruntime_options
from benchmarks.speed.protocol import Call
from benchmarks.speed.runner import Runner
from benchmarks.speed.torch_ways import Label, open_label, way
from export.graphs.source import Source
from ocrnet.engines.contract import Images
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.zoo import ModelSpec

_ELEMENTS = {
    "tensor(float)": (np.float32, torch.float32),
    "tensor(float16)": (np.float16, torch.float16),
    "tensor(uint8)": (np.uint8, torch.uint8),
}


def torch_runner(case: Case, source: Source, device: Device, images: Images) -> Runner:
    """Forward, upsample and argmax by PyTorch; raises EngineError."""
    given = on_device(images, device)
    chosen = way(case.engine, case.precision)
    label = open_label(source.network, source.spec, chosen, given)
    words = chosen.in_words()
    boundary = "pictures on the device → normalise, forward, upsample, argmax; synchronised"
    cuda = given.is_cuda
    return Runner(
        _waited_for(label, given),
        f"{boundary} ({words})" if words else boundary,
        torch.cuda.max_memory_allocated if cuda else (lambda: None),
        torch.backends.cudnn.allow_tf32 if cuda else None,
    )


def bound_runner(
    case: Case, path: Path, spec: ModelSpec, device: Device, images: Images, threads: int
) -> Runner:
    """ONNX Runtime with its input and output bound to PyTorch's memory; raises ArtefactError."""
    given = on_device(images, device)
    label = BoundGraph(path, device, threads).bind(given, spec)
    boundary = "pictures on the device → graph by IO binding, upsample, argmax; synchronised"
    return Runner(_waited_for(label, given), boundary)


def on_device(images: Images, device: Device) -> Tensor:
    """Return the pictures where the device computes."""
    return torch.from_numpy(np.ascontiguousarray(images)).to("cpu" if device.is_cpu else "cuda")


class BoundGraph(OnnxRuntimeGraph):
    """A graph whose tensors are PyTorch's, on the CPU or the GPU: nothing is copied."""

    def __init__(self, path: Path, device: Device, threads: int = 0):
        """Raises ArtefactError for a graph that ONNX Runtime cannot load there."""
        options, provider = onnxruntime_options(device, threads)
        super().__init__(path, options, provider=provider)

    def bind(self, given: Tensor, spec: ModelSpec) -> Label:
        """Return what labels the pictures in `given`'s memory, whatever that holds by then.

        Labels are the graph's own where it has them; else its logits are upsampled by PyTorch.
        Where it has labels, logits are an empty tensor: they are not fetched.
        """
        number, height, width, _ = given.shape
        name = "labels" if "labels" in self.outputs else "logits"
        shape: tuple[int, ...] = (number, height, width)
        if name == "logits":
            stride = spec.output_stride
            shape = (number, spec.classes, -(-height // stride), -(-width // stride))
        (described,) = [one for one in self._session.get_outputs() if one.name == name]
        of_numpy, of_torch = _ELEMENTS[described.type]
        result = torch.empty(shape, dtype=of_torch, device=given.device)
        binding = self._session.io_binding()
        place = (given.device.type, given.device.index or 0)
        binding.bind_input("image", *place, np.uint8, tuple(given.shape), given.data_ptr())
        binding.bind_output(name, *place, of_numpy, shape, result.data_ptr())
        if given.is_cuda:
            torch.cuda.synchronize()  # ONNX Runtime computes on a stream of its own

        def label(images: Tensor) -> tuple[Tensor, Tensor]:
            assert images.data_ptr() == given.data_ptr()
            self._session.run_with_iobinding(binding)
            if name == "labels":
                return result.new_empty(0), result
            with torch.inference_mode():
                corners = spec.align_corners
                full = interpolate(result, (height, width), mode="bilinear", align_corners=corners)
                return result, full.argmax(1)

        return label


def _waited_for(label: Label, given: Tensor) -> Call:
    cuda = given.is_cuda

    async def call() -> None:
        label(given)
        if cuda:
            torch.cuda.synchronize()

    return call
