"""Runners whose pictures and label maps stay on the device: PyTorch, and runtimes bound to it.

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
from benchmarks.speed.runner import LabelsBy, Runner
from benchmarks.speed.torch_ways import Label, open_label, seconds_of, set_tf32, way
from export.graphs.source import Source
from export.tensorrt.plan_runner import PlanGraph
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.zoo import ModelSpec

_ELEMENTS = {
    "tensor(float)": (np.float32, torch.float32),
    "tensor(float16)": (np.float16, torch.float16),
    "tensor(uint8)": (np.uint8, torch.uint8),
}


def torch_runner(case: Case, source: Source, device: Device, images: Images) -> Runner:
    """Forward, upsample and argmax by PyTorch; raises EngineError."""
    set_tf32(case.tf32)
    given = on_device(images, device)
    chosen = way(case.engine, case.precision)
    label, seconds = seconds_of(lambda: open_label(source.network, source.spec, chosen, given))
    words = chosen.in_words()
    boundary = "pictures on the device → normalise, forward, upsample, argmax; synchronised"
    return Runner(
        _waited_for(label, given),
        f"{boundary} ({words})" if words else boundary,
        _torch_on(given),
        torch.cuda.max_memory_allocated if given.is_cuda else (lambda: None),
        round(seconds, 1) if chosen.compiled or chosen.cuda_graph else None,
    )


def bound_runner(
    case: Case, path: Path, spec: ModelSpec, device: Device, images: Images, threads: int
) -> Runner:
    """A graph or plan whose input and output are PyTorch's memory; raises ArtefactError."""
    given = on_device(images, device)
    label: Label
    if case.in_tensorrt:
        plan = BoundPlan(path)
        name, label = _labels_or_logits(plan.outputs), plan.bind(spec)
    else:
        graph = BoundGraph(path, device, threads, tf32=case.tf32)
        name, label = _labels_or_logits(graph.outputs), graph.bind(given, spec)
    boundary = "pictures on the device → graph bound to its memory, upsample, argmax; synchronised"
    by: LabelsBy = "graph" if name == "labels" else _torch_on(given)
    return Runner(_waited_for(label, given), boundary, by)


def on_device(images: Images, device: Device) -> Tensor:
    """Return the pictures where the device computes."""
    return torch.from_numpy(np.ascontiguousarray(images)).to("cpu" if device.is_cpu else "cuda")


class BoundGraph(OnnxRuntimeGraph):
    """A graph whose tensors are PyTorch's, on the CPU or the GPU: nothing is copied."""

    def __init__(self, path: Path, device: Device, threads: int = 0, *, tf32: bool = False):
        """Raises ArtefactError for a graph that ONNX Runtime cannot load there."""
        options, provider = onnxruntime_options(device, threads, tf32=tf32)
        super().__init__(path, options, provider=provider)

    def bind(self, given: Tensor, spec: ModelSpec) -> Label:
        """Return what labels the pictures in `given`'s memory, whatever that holds by then.

        Labels are the graph's own where it has them; else its logits are upsampled by PyTorch.
        Where it has labels, logits are an empty tensor: they are not fetched.
        """
        number, height, width, _ = given.shape
        name = _labels_or_logits(self.outputs)
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
            return _finished(name, result, images, spec)

        return label


class BoundPlan(PlanGraph):
    """A plan whose tensors are PyTorch's on the GPU: nothing is copied."""

    def bind(self, spec: ModelSpec) -> Label:
        """As BoundGraph.bind, of pictures anywhere on the GPU."""
        name = _labels_or_logits(self.outputs)

        def label(images: Tensor) -> tuple[Tensor, Tensor]:
            return _finished(name, self.on_gpu(images)[name], images, spec)

        return label


def _labels_or_logits(outputs: frozenset[str]) -> OutputName:
    return "labels" if "labels" in outputs else "logits"


def _finished(
    name: OutputName, result: Tensor, images: Tensor, spec: ModelSpec
) -> tuple[Tensor, Tensor]:
    """Logits and labels of what a graph gave."""
    if name == "labels":
        return result.new_empty(0), result
    size = (images.shape[1], images.shape[2])
    with torch.inference_mode():
        full = interpolate(result, size, mode="bilinear", align_corners=spec.align_corners)
        return result, full.argmax(1)


def _torch_on(given: Tensor) -> LabelsBy:
    return "torch on GPU" if given.is_cuda else "CPU"


def _waited_for(label: Label, given: Tensor) -> Call:
    cuda = given.is_cuda

    async def call() -> None:
        label(given)
        if cuda:
            torch.cuda.synchronize()

    return call
