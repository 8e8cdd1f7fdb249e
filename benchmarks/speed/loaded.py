"""Everything that runs an artefact inside this process, as LoadedGraph."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.case import Case
from benchmarks.speed.device import Device
from export.artefacts.targets import Target
from export.tensorrt.plan_runner import PlanRunner
from ocrnet.artefacts import MANIFEST_SUFFIX, read_manifest
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.engine_options import EngineOptions
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph


class PlanGraph:
    """A TensorRT plan, by Polygraphy's runner."""

    def __init__(self, path: Path):
        """Raises ArtefactError where it cannot be run."""
        outputs = read_manifest(path.with_name(path.name + MANIFEST_SUFFIX)).outputs
        self.outputs = frozenset(outputs)
        self._runner = PlanRunner(path, outputs)

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        return self._runner(np.ascontiguousarray(images))[output]


def target_of(case: Case, device: Device) -> Target:
    """Return the artefact that the case's engine runs."""
    if case.engine == "tensorrt":
        capability = device.gpu.compute_capability if device.gpu else ""
        return Target("tensorrt", case.precision, capability)
    if case.engine == "openvino" and case.precision == "int8":
        return Target("openvino", "int8")
    return Target("onnx", case.precision)  # OpenVINO reads what the gateway gives it, too


def load_graph(case: Case, path: Path, device: Device, threads: int) -> LoadedGraph:
    """Open the artefact of a case; raises ArtefactError."""
    if case.engine == "tensorrt":
        return PlanGraph(path)
    if case.engine == "openvino":
        from ocrnet.engines.openvino import OpenVinoGraph  # not needed on GPUs

        return OpenVinoGraph(path, EngineOptions(threads=threads), precision=case.precision)
    options, provider = onnxruntime_options(device, threads)
    return OnnxRuntimeGraph(path, options, provider=provider)


def onnxruntime_options(
    device: Device, threads: int
) -> tuple[EngineOptions, tuple[str, dict[str, str]]]:
    """Return the options and the provider of OnnxRuntimeGraph on that device."""
    if device.is_cpu:
        return EngineOptions(threads=threads), ("CPUExecutionProvider", {})
    # With TF32 it would not be float32.
    return EngineOptions(), ("CUDAExecutionProvider", {"use_tf32": "0"})
