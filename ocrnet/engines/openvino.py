"""OpenVINO on the CPU: the default in process, by measurement (docs/adr/0003)."""

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from ocrnet.engines.base import Images, OutputName
from ocrnet.errors import ArtefactError, EngineError


class OpenVinoGraph:
    """A LoadedGraph of OpenVINO."""

    def __init__(self, path: Path, *, threads: int = 0):
        """threads: 0 lets OpenVINO take the machine's cores.

        A graph of one size is compiled for one picture at a time, and several run one by one: with
        a free N OpenVINO cannot see that a transpose between its own layouts moves nothing.
        Raises ArtefactError for a graph that OpenVINO cannot compile.
        """
        config: dict[str, object] = {
            # The default is bfloat16 where the CPU has it: off by 1e-2.
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if threads:
            config["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        try:
            model = core.read_model(str(path))
            shape = model.input("image").partial_shape
            self._one_by_one = shape[1].is_static and shape[2].is_static
            if self._one_by_one:
                shape[0] = 1
                model.reshape({"image": shape})
            compiled = core.compile_model(model, "CPU", config)
        except RuntimeError as error:
            raise ArtefactError(f"OpenVINO cannot compile {path}: {error}") from error
        self._request = compiled.create_infer_request()
        self.outputs = frozenset(name for port in compiled.outputs for name in port.names)

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        if self._one_by_one and len(images) > 1:
            return np.concatenate([self._run(image[None], output) for image in images])
        return self._run(images, output)

    def _run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        try:
            self._request.infer({"image": np.ascontiguousarray(images)})
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on images of shape {images.shape}") from error
        # A copy: the request writes its next answer into the same memory.
        result: NDArray[np.generic] = self._request.get_tensor(output).data.copy()
        return result
