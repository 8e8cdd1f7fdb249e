"""Everything that can run a network: one protocol, and one module per runtime."""

from ocrnet.artefacts import Artefact
from ocrnet.engines.contract import Engine
from ocrnet.engines.cuda import BatchingEngine, choose_gpu
from ocrnet.engines.engine_options import DEFAULTS, Device, EngineOptions, Gpu, Runtime
from ocrnet.engines.in_process import InProcessEngine, LoadedGraph
from ocrnet.errors import ArtefactError
from ocrnet.zoo.spec import ModelSpec

__all__ = [
    "BatchingEngine",
    "Device",
    "Engine",
    "EngineOptions",
    "Gpu",
    "Runtime",
    "choose_gpu",
    "open_engine",
]


def open_engine(
    spec: ModelSpec, graphs: list[Artefact], options: EngineOptions = DEFAULTS
) -> Engine:
    """Open the in-process engine on a model's graphs.

    Raises ArtefactError, also for a runtime that is not installed, and OutOfMemory.
    """
    if options.gpu is not None:
        from ocrnet.engines.cuda.bound_graph import Place
        from ocrnet.engines.cuda.open_on_gpu import open_batching_engine

        return open_batching_engine(spec, graphs, Place(options.gpu), options.max_batch)
    loaded = {graph.fixed_size: _load(graph, options) for graph in graphs}
    return InProcessEngine(spec, loaded, options.streams)


def _load(graph: Artefact, options: EngineOptions) -> LoadedGraph:
    # Half a second each to import, and the second is not part of every installation.
    if options.runtime == "openvino":
        from ocrnet.engines.openvino import OpenVinoGraph

        return OpenVinoGraph(graph.path, options, precision=graph.manifest.precision)
    try:
        from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
    except ModuleNotFoundError as error:
        raise ArtefactError("ONNX Runtime is missing: pip install onnxruntime") from error
    return OnnxRuntimeGraph(graph.path, options)
