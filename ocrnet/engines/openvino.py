"""The in-process engine: OpenVINO on the CPU.

Chosen over ONNX Runtime by measurement (docs/adr/0003).
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino
from numpy.typing import NDArray

from ocrnet.artefacts import Artefact
from ocrnet.engines.base import Images, OutputName
from ocrnet.errors import ArtefactError, EngineError, EngineUnavailable
from ocrnet.zoo.spec import ModelSpec, Size


class OpenVinoEngine:
    """Runs one model's graphs, one call at a time, each on all `threads`.

    A picture of a fixed graph's size goes to that graph, everything else to the dynamic one.
    """

    def __init__(self, spec: ModelSpec, graphs: list[Artefact], *, threads: int = 0):
        """threads: 0 lets OpenVINO take the machine's cores.

        Raises ArtefactError for a graph that OpenVINO cannot compile, or without a dynamic one.
        """
        self._requests: dict[Size | None, openvino.InferRequest] = {}
        core = openvino.Core()
        config: dict[str, object] = {
            # The default is bfloat16 where the CPU has it: off by 1e-2.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        for graph in graphs:
            try:
                compiled = core.compile_model(str(graph.path), "CPU", config)
            except RuntimeError as error:
                raise ArtefactError(f"OpenVINO cannot compile {graph.path}: {error}") from error
            self._requests[graph.fixed_size] = compiled.create_infer_request()
        if None not in self._requests:
            raise ArtefactError(f"the dynamic graph of {spec.name} is missing: export it")
        # One worker: a second call would only share the same cores.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"engine-{spec.name}")
        self._closed = False

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer."""
        if self._closed:
            raise EngineUnavailable("the engine is closed")
        call = self._worker.submit(self._run, images, output)
        try:
            return await asyncio.shield(asyncio.wrap_future(call))
        except asyncio.CancelledError:
            if not call.cancel():
                await asyncio.wait([asyncio.wrap_future(call)])
            raise

    def _run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        size = Size(*images.shape[1:3])
        request = self._requests.get(size, self._requests[None])
        names = {name for port in request.model_outputs for name in port.names}
        if output not in names:
            raise EngineUnavailable(f"this graph has no output {output!r}, only {sorted(names)}")
        try:
            request.infer({"image": np.ascontiguousarray(images)})
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on images of shape {images.shape}") from error
        # A copy: the request writes its next answer into the same memory.
        result: NDArray[np.generic] = request.get_tensor(output).data.copy()
        return result

    async def close(self) -> None:
        """As Engine.close."""
        self._closed = True
        await asyncio.to_thread(self._worker.shutdown)
        self._requests.clear()
