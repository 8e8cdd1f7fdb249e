"""Everything that runs an artefact inside this process, as LoadedGraph."""

from pathlib import Path

from benchmarks.speed.case import Case
from benchmarks.speed.device import Device
from export.artefacts.targets import Product
from export.tensorrt.plan_runner import PlanGraph
from ocrnet.engines.engine_options import EngineOptions
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph


def product_of(case: Case, device: Device) -> Product:
    """Return the artefact that the case's engine runs."""
    if case.engine == "tensorrt":
        capability = device.gpu.compute_capability if device.gpu else ""
        return Product("tensorrt", case.precision, capability)
    if case.engine == "openvino" and case.precision == "int8":
        return Product("openvino", "int8")
    return Product("onnx", case.precision)  # OpenVINO reads what the gateway gives it, too


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
