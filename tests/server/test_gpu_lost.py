"""A gateway whose GPU stops working says so where an orchestrator looks."""

from collections.abc import Callable

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.engines import BatchingEngine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.in_process import worker_threads
from ocrnet.errors import DeviceLost, OutOfMemory
from ocrnet.zoo import get_spec
from server.models import ServedModel

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")


class FailingGraph:
    """A graph on a GPU that fails in a given way."""

    outputs = frozenset({"logits"})

    def __init__(self, error: Exception):
        self._error = error

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "ready"),
    [
        (DeviceLost("GPU 0 stopped working: CUDA failure 700"), "engine_unavailable", "gpu_lost"),
        (OutOfMemory(), "out_of_memory", "ready"),
    ],
)
def test_readiness_fails_once_the_gpu_is_lost_and_not_for_lack_of_memory(
    gateway: Callable[..., httpx2.Client], encode: Callable[..., bytes],
    error: Exception, code: str, ready: str,
) -> None:  # fmt: skip
    graph = FailingGraph(error)
    engine = BatchingEngine(SPEC, {None: graph}, {}, worker_threads(SPEC, 1))
    client = gateway(model=ServedModel(SPEC, [], lambda: engine))
    assert client.get("/health/ready").json() == {"status": "ready"}
    image = encode(np.zeros((64, 64, 3), np.uint8))
    for _ in range(2):
        answer = client.post("/segment", files={"image": image})
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert "CUDA" not in answer.text  # what the GPU said is for the log
        found = client.get("/health/ready")
        assert found.json() == {"status": ready}
        assert found.status_code == (200 if ready == "ready" else 503)
    assert client.get("/health/live").status_code == 200
