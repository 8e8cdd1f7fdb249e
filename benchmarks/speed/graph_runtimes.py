"""The graphs that measurements run: built where they are missing, then opened as LoadedGraph.

What a runtime needs is imported when it is opened, so that each runs where the others' packages
are missing.
"""

from dataclasses import replace
from pathlib import Path

from benchmarks.speed.case import Case
from benchmarks.speed.device import Device
from export.artefacts.targets import Target
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.commands.requirements import checkpoint_of
from export.graphs.source import Source
from export.tensorrt.api import Gpu
from export.tensorrt.plan_runner import PlanGraph
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.engines.engine_options import EngineOptions
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec


def best_checkpoint(spec: ModelSpec) -> str:
    """Return the model's checkpoint if it was pulled, else stand-in weights: as fast, no use."""
    try:
        return checkpoint_of(spec)
    except OcrnetError:
        return RANDOM_WEIGHTS


def ready_graph(
    source: Source,
    kind: Kind,
    target: Target,
    repository: Path,
    gpu: Gpu | None = None,
    *,
    optimised: bool,
    batch: int = 1,
    tf32: bool = False,
) -> Path:
    """Return the artefact's path; builds it first where it is missing or of other weights.

    optimised: whether a fixed float32 graph is rewritten for CPUs. batch: the most pictures of a
    call; a plan takes eight, or more if they are asked for. tf32: whether a plan's products in
    float32 round to TF32. Raises ArtefactError.
    """
    # Not needed where PyTorch computes, and it imports the runtimes.
    from export.artefacts.build_artefact import build_artefact, is_current
    from export.artefacts.settings import BuildSettings
    from export.tensorrt.plan_builder import BuildOptions

    plan = BuildOptions(tf32=tf32)
    settings = BuildSettings(repository, plan, gpu=gpu, optimised=optimised)
    settings = replace(settings, max_batch=max(settings.max_batch, batch))
    if not is_current(source, kind, target, settings):
        build_artefact(source, kind, target, settings)
    return graph_folder(repository, source.spec.name, kind) / target.file


def target_of(case: Case, device: Device) -> Target:
    """Return the artefact that the case's engine runs."""
    precision = case.artefact_precision
    if case.in_tensorrt:
        capability = device.gpu.compute_capability if device.gpu else ""
        return Target("tensorrt", precision, capability)
    if case.engine == "openvino" and precision == "int8":
        return Target("openvino", "int8")
    return Target("onnx", precision)  # OpenVINO reads what the gateway gives it, too


def load_graph(case: Case, path: Path, device: Device, threads: int) -> LoadedGraph:
    """Open the artefact of a case; raises ArtefactError."""
    if case.in_tensorrt:
        return PlanGraph(path)
    if case.engine == "openvino":
        from ocrnet.engines.openvino import OpenVinoGraph

        options = EngineOptions(threads=threads)
        return OpenVinoGraph(path, options, precision=case.artefact_precision)
    from ocrnet.engines.onnxruntime import OnnxRuntimeGraph

    options, provider = onnxruntime_options(device, threads, tf32=case.tf32)
    return OnnxRuntimeGraph(path, options, provider=provider)


def onnxruntime_options(
    device: Device, threads: int, *, tf32: bool = False
) -> tuple[EngineOptions, tuple[str, dict[str, str]]]:
    """Return the options and the provider of OnnxRuntimeGraph on that device."""
    if device.is_cpu:
        return EngineOptions(threads=threads), ("CPUExecutionProvider", {})
    # Its default is TF32, which is not float32.
    return EngineOptions(), ("CUDAExecutionProvider", {"use_tf32": str(int(tf32))})
