"""The engine that hands windows to Triton."""

import asyncio

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from ocrnet.concurrency import seconds_left
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.triton.connection import TritonConnection
from ocrnet.engines.triton.graphs import VERSION, TritonGraph
from ocrnet.engines.triton.grpc_errors import translate_error
from ocrnet.errors import BadEngineOutput, EngineUnavailable
from ocrnet.zoo.spec import Size


class TritonEngine:
    """Runs one model's graphs on a Triton server.

    A picture of a fixed graph's size goes to that graph, everything else to the dynamic one. All
    calls are under way at once, so that Triton can put them together; a call that is cancelled is
    cancelled there too, but what Triton computes already it computes to its end.
    """

    def __init__(self, connection: TritonConnection, graphs: list[TritonGraph]):
        """graphs: of served_graphs, with a dynamic one among them."""
        self._connection = connection
        self._closed = False
        self.serve(graphs)

    def serve(self, graphs: list[TritonGraph]) -> None:
        """From the next call on use these graphs: Triton may come back with others."""
        self._graphs = {graph.size: graph for graph in graphs}

    def outputs(self, size: Size) -> frozenset[str]:
        """As Engine.outputs, by the configurations of Triton's models."""
        self._check_open()
        return self._graph(size).outputs

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer; also raises Overloaded and DeadlineExceeded, as Triton says."""
        self._check_open()
        graph = self._graph(Size(*images.shape[1:3]))
        if output not in graph.outputs:
            raise EngineUnavailable(
                f"{graph.name} has no output {output!r}, only {sorted(graph.outputs)}"
            )
        most = graph.max_batch
        parts = [images[start : start + most] for start in range(0, len(images), most)]
        if len(parts) == 1:
            return await self._call(graph, images, output)
        calls = [asyncio.create_task(self._call(graph, part, output)) for part in parts]
        try:
            return np.concatenate(await asyncio.gather(*calls))
        finally:
            for call in calls:  # where one has failed, nobody waits for the others
                call.cancel()

    async def _call(
        self, graph: TritonGraph, images: Images, output: OutputName
    ) -> NDArray[np.generic]:
        tensor = InferInput("image", list(images.shape), "UINT8")
        tensor.set_data_from_numpy(np.ascontiguousarray(images))
        left = seconds_left()
        try:
            answer = await self._connection.client().infer(
                graph.name,
                [tensor],
                model_version=VERSION,
                outputs=[InferRequestedOutput(output)],
                # In the queue as well as over the wire: what nobody waits for is not computed.
                timeout=None if left is None else max(1, int(left * 1e6)),
                client_timeout=None if left is None else max(0.001, left),
            )
        except InferenceServerException as error:
            raise translate_error(error, self._connection.address, seconds_left()) from error
        found = answer.as_numpy(output)
        if found is None:
            raise BadEngineOutput(f"{graph.name} answered without {output}")
        result: NDArray[np.generic] = found
        return result

    def _graph(self, size: Size) -> TritonGraph:
        return self._graphs.get(size, self._graphs[None])

    def _check_open(self) -> None:
        if self._closed:
            raise EngineUnavailable("the engine is closed")

    async def close(self) -> None:
        """As Engine.close; the connection is closed by whoever opened it."""
        self._closed = True
