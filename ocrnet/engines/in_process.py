"""What engines in this process have in common: its workers, and the choice of a graph."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.errors import ArtefactError, EngineUnavailable
from ocrnet.memory_errors import memory_errors
from ocrnet.zoo.spec import ModelSpec, Size


class LoadedGraph(Protocol):
    """A graph that a runtime has compiled. outputs: the names that it can be asked for."""

    outputs: frozenset[str]

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer, of a name among the outputs. Called in any thread.

        The answer is the caller's own: the next run leaves it alone. Raises EngineError,
        OutOfMemory.
        """


class InProcessEngine:
    """Runs one model's graphs, so many calls at a time as it has streams.

    A picture of a fixed graph's size goes to that graph, everything else to the dynamic one.
    """

    def __init__(
        self,
        spec: ModelSpec,
        graphs: Mapping[Size | None, LoadedGraph],
        streams: int = 1,
        workers: ThreadPoolExecutor | None = None,
    ):
        """graphs: by the size they are made for; None: any. Raises ArtefactError without that.

        workers: the threads to run them in, which are the engine's own from now on; None: new ones,
        as many as streams.
        """
        if None not in graphs:
            raise ArtefactError(
                f"the dynamic graph of {spec.name} is missing in this precision: build it"
            )
        self._graphs = dict(graphs)
        self._workers = workers or worker_threads(spec, streams)
        self._closed = False

    def outputs(self, size: Size) -> frozenset[str]:
        """As Engine.outputs."""
        self._check_open()
        return self._graph(size).outputs

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer."""
        self._check_open()
        with memory_errors():
            call = self._submit(images, output)
            try:
                return await asyncio.shield(asyncio.wrap_future(call))
            except asyncio.CancelledError:
                if not call.cancel():
                    await asyncio.wait([asyncio.wrap_future(call)])
                raise

    def _submit(self, images: Images, output: OutputName) -> Future[NDArray[np.generic]]:
        """Have the call answered by a worker."""
        return self._workers.submit(self._run, images, output)

    def _run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        graph = self._graph(Size(*images.shape[1:3]))
        if output not in graph.outputs:
            raise EngineUnavailable(
                f"this graph has no output {output!r}, only {sorted(graph.outputs)}"
            )
        return graph.run(images, output)

    def _graph(self, size: Size) -> LoadedGraph:
        return self._graphs.get(size, self._graphs[None])

    def _check_open(self) -> None:
        if self._closed:
            raise EngineUnavailable("the engine is closed")

    async def close(self) -> None:
        """As Engine.close."""
        self._closed = True
        await asyncio.to_thread(self._workers.shutdown)
        self._graphs.clear()


def worker_threads(spec: ModelSpec, number: int) -> ThreadPoolExecutor:
    """Threads for an engine of that model."""
    return ThreadPoolExecutor(number, thread_name_prefix=f"engine-{spec.name}")
