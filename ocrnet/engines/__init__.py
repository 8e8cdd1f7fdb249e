"""Everything that can run a network: one protocol, and one module per runtime."""

from typing import Literal

from ocrnet.artefacts import Artefact
from ocrnet.engines.base import Engine
from ocrnet.engines.in_process import InProcessEngine, LoadedGraph
from ocrnet.errors import ArtefactError
from ocrnet.zoo.spec import ModelSpec

__all__ = ["Engine", "Runtime", "open_engine"]

Runtime = Literal["openvino", "onnxruntime"]


def open_engine(
    spec: ModelSpec, graphs: list[Artefact], *, runtime: Runtime = "openvino", threads: int = 0
) -> Engine:
    """Open the in-process engine on a model's graphs.

    threads: 0 takes the machine's cores. Raises ArtefactError, also for a runtime that is not
    installed.
    """
    loaded = {graph.fixed_size: _load(graph, runtime, threads) for graph in graphs}
    return InProcessEngine(spec, loaded)


def _load(graph: Artefact, runtime: Runtime, threads: int) -> LoadedGraph:
    # Half a second each to import, and the second is not part of every installation.
    if runtime == "openvino":
        from ocrnet.engines.openvino import OpenVinoGraph

        return OpenVinoGraph(graph.path, threads=threads)
    try:
        from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
    except ModuleNotFoundError as error:
        raise ArtefactError("ONNX Runtime is missing: pip install onnxruntime") from error
    return OnnxRuntimeGraph(graph.path, threads=threads)
