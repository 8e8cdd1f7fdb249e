"""What the local Triton runs: a graph in ONNX Runtime, by Triton's Python back end.

Copied into the server's repository and run by its model process in the environment of its own;
nothing of the gateway imports this, and this imports nothing of the gateway.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton

# Of one run, as the gateway allows of one window by default: its memory grows with them, and on a
# CPU a larger run is no faster. One request may have more.
_MOST_PIXELS = 4 * 1024 * 1024


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

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request; images of one shape with the same outputs run together."""
        responses: list[Any] = [None] * len(requests)
        groups: dict[tuple[tuple[int, ...], tuple[str, ...]], list[tuple[int, Any]]] = {}
        for place, request in enumerate(requests):
            if request.is_cancelled():
                error = triton.TritonError("cancelled", triton.TritonError.CANCELLED)
                responses[place] = triton.InferenceResponse(error=error)
                continue
            images = triton.get_input_tensor_by_name(request, "image").as_numpy()
            key = (images.shape[1:], tuple(sorted(request.requested_output_names())))
            groups.setdefault(key, []).append((place, images))
        for (shape, names), group in groups.items():
            most = max(1, _MOST_PIXELS // (shape[0] * shape[1]))
            for part in _parts(group, most):
                for place, response in self._run(list(names), part):
                    responses[place] = response
        return responses

    def _run(self, names: list[str], group: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        images = [one for _, one in group]
        batch = images[0] if len(images) == 1 else np.concatenate(images)
        ends = np.cumsum([len(one) for one in images])[:-1]
        results = self._session.run(names, {"image": batch})
        parts = zip(*(np.split(result, ends) for result in results), strict=True)
        return [
            (place, triton.InferenceResponse(list(map(triton.Tensor, names, part))))
            for (place, _), part in zip(group, parts, strict=True)
        ]


def _parts(group: list[tuple[int, Any]], most: int) -> Iterator[list[tuple[int, Any]]]:
    """Split requests so that none but a single one has more than `most` images."""
    part: list[tuple[int, Any]] = []
    for place, images in group:
        if part and sum(len(one) for _, one in part) + len(images) > most:
            yield part
            part = []
        part.append((place, images))
    yield part


def _parameter(config: dict[str, Any], name: str) -> str:
    return str(config["parameters"][name]["string_value"])
