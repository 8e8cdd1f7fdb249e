"""A model for Triton's Python back end that runs a graph in ONNX Runtime.

It is copied into the local Triton's repository and runs in Triton's own environment. Nothing of
this project imports it, and it imports nothing of this project.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton
from onnxruntime.capi.onnxruntime_pybind11_state import (
    EPFail,
    Fail,
    InvalidArgument,
    RuntimeException,
)

# Of one run, unless a single request has more: as many as a window of Cityscapes has. Small images
# gain by running together. Windows do not on a CPU: one by one they need an eighth of the memory,
# and can be cancelled in between.
_MAX_PIXELS = 512 * 1024

Pending = tuple[Any, Any]  # a request and its images


class TritonPythonModel:
    """The interface that Triton asks for. The graph's path and threads are in the parameters."""

    def initialize(self, args: dict[str, str]) -> None:
        """args: as Triton hands them over; `model_config` is JSON."""
        if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
            # The back end reads NumPy 1's layout: values would be wrong, without an error.
            raise triton.TritonModelException(f"NumPy {np.__version__} is too new: it must be 1.x")
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(_parameter(config, "threads"))
        # Threads that wait actively would take the cores from the gateway and from other models.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            _parameter(config, "graph"), options, providers=["CPUExecutionProvider"]
        )

    def execute(self, requests: list[Any]) -> None:
        """Respond to each request as soon as it is computed.

        Images of one shape with the same outputs run together.
        """
        groups: dict[tuple[tuple[int, ...], tuple[str, ...]], list[Pending]] = {}
        for request in requests:
            images = triton.get_input_tensor_by_name(request, "image").as_numpy()
            key = (images.shape[1:], tuple(sorted(request.requested_output_names())))
            groups.setdefault(key, []).append((request, images))
        for (shape, names), group in groups.items():
            max_images = _MAX_PIXELS // max(1, shape[0] * shape[1])
            for batch in _batches(group, max_images):
                self._run(list(names), batch)

    def _run(self, names: list[str], batch: list[Pending]) -> None:
        wanted = []
        for request, images in batch:
            if request.is_cancelled():
                error = triton.TritonError("cancelled", triton.TritonError.CANCELLED)
                _respond(request, triton.InferenceResponse(error=error))
            else:
                wanted.append((request, images))
        if not wanted:
            return
        inputs = [images for _, images in wanted]
        ends = np.cumsum([len(images) for images in inputs])[:-1]
        try:
            whole = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
            results = self._session.run(names, {"image": whole})
        except (EPFail, Fail, InvalidArgument, MemoryError, RuntimeException) as problem:
            # If it reached Triton, that would fail all requests, also those with a response.
            reason = str(problem) or type(problem).__name__
            for request, _ in wanted:
                error = triton.TritonError(f"ONNX Runtime failed: {reason}")
                _respond(request, triton.InferenceResponse(error=error))
            return
        outputs = zip(*(np.split(result, ends) for result in results), strict=True)
        for (request, _), arrays in zip(wanted, outputs, strict=True):
            _respond(request, triton.InferenceResponse(list(map(triton.Tensor, names, arrays))))


def _respond(request: Any, response: Any) -> None:
    sender = request.get_response_sender()
    sender.send(response, flags=triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)


def _batches(group: list[Pending], max_images: int) -> Iterator[list[Pending]]:
    """Split requests so that none but a single one has more than `max_images` images."""
    batch: list[Pending] = []
    number = 0
    for pending in group:
        images = len(pending[1])
        if batch and number + images > max_images:
            yield batch
            batch, number = [], 0
        batch.append(pending)
        number += images
    yield batch


def _parameter(config: dict[str, Any], name: str) -> str:
    return str(config["parameters"][name]["string_value"])
