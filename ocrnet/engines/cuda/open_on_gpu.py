"""The engine of one model on a GPU: its graphs opened, tried and joined to batches."""

import logging
import time
from contextlib import ExitStack

from ocrnet.artefacts import Artefact
from ocrnet.engines.cuda.batching_engine import BatchingEngine
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
from ocrnet.engines.cuda.fixed_graph import BatchedGraph, open_batched
from ocrnet.engines.cuda.provider import cuda_failure
from ocrnet.engines.in_process import LoadedGraph, worker_threads
from ocrnet.errors import ArtefactError, EngineError, OutOfMemory
from ocrnet.zoo.spec import ModelSpec, Size

_logger = logging.getLogger("ocrnet.engines")

# Of one run: eight windows of 512x1024, two images of 1024x2048. More would need more memory, and
# those are enough work for a GPU.
MOST_BATCH_PIXELS = 4_194_304


def open_batching_engine(
    spec: ModelSpec, graphs: list[Artefact], place: Place, max_batch: int
) -> BatchingEngine:
    """Open the engine on a model's graphs, all of one precision.

    max_batch: images of one run at the most. Graphs of one size run one image, or as many as that
    and MOST_BATCH_PIXELS allow. Raises ArtefactError, also for graphs that do not run there, and
    OutOfMemory.
    """
    started = time.perf_counter()
    with ExitStack() as unless_opened:
        worker = worker_threads(spec, 1)
        unless_opened.callback(worker.shutdown)
        try:
            loaded = worker.submit(_open_all, graphs, place, max_batch).result()
        except OutOfMemory as error:
            raise OutOfMemory(f"{place} has too little free memory for {spec.name}") from error
        except EngineError as error:
            raise ArtefactError(
                f"{spec.name} does not run on {place}: {cuda_failure(error)}"
            ) from error
        most = {
            size: graph.most_images
            for size, graph in loaded.items()
            if size is not None and isinstance(graph, BatchedGraph)
        }
        engine = BatchingEngine(spec, loaded, most, worker)
        unless_opened.pop_all()
    joined = ", ".join(f"{many} of {size}" for size, many in most.items()) or "one"
    seconds = time.perf_counter() - started
    _logger.info(
        "%s is ready on %s after %.1f s, in batches of %s", spec.name, place, seconds, joined
    )
    return engine


def batch_sizes(size: Size, max_batch: int) -> list[int]:
    """The numbers of images that a graph of that size is opened for: one, and the most."""
    return sorted({1, max(1, min(max_batch, MOST_BATCH_PIXELS // size.pixels))})


def _open_all(
    graphs: list[Artefact], place: Place, max_batch: int
) -> dict[Size | None, LoadedGraph]:
    loaded: dict[Size | None, LoadedGraph] = {}
    for graph in graphs:
        half = graph.manifest.precision == "float16"
        size = graph.fixed_size
        if size is None:
            loaded[None] = BoundGraph(graph.path, place, half=half)
        else:
            batches = batch_sizes(size, max_batch)
            loaded[size] = open_batched(graph.path, place, size, half=half, batches=batches)
    return loaded
