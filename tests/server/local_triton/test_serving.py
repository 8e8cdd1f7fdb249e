"""A real Triton serves the demo as ONNX Runtime runs it here."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from ocrnet.scenes import draw_scene
from server.local_triton import TRITON_VERSION, LocalTriton, TritonEnvironment
from tests.conftest import patient_triton

pytestmark = pytest.mark.slow

Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@pytest.fixture(scope="module")
def triton(local_triton_environment: TritonEnvironment, root: Path) -> Iterator[LocalTriton]:
    repository = root / "model_repository"
    kinds = ("dynamic", "window")
    triton = LocalTriton(local_triton_environment, repository, ["demo"], kinds=kinds)
    with patient_triton(triton) as started:
        yield started


@pytest.fixture(scope="module")
def client(triton: LocalTriton) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(triton.addresses.grpc) as client:
        yield client


@pytest.fixture(scope="module")
def here(root: Path) -> Run:
    """The same graph in this process."""
    path = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"image": images})
        return np.asarray(logits)

    return run


def _infer(
    client: InferenceServerClient, images: NDArray[np.uint8], model: str = "demo_dynamic"
) -> NDArray[np.float32]:
    tensor = InferInput("image", list(images.shape), "UINT8")
    tensor.set_data_from_numpy(images)
    logits = client.infer(model, [tensor]).as_numpy("logits")
    assert logits is not None
    return logits


def _assert_same(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def _scenes(height: int, width: int, *seeds: int) -> NDArray[np.uint8]:
    return np.stack([draw_scene(seed, height, width).image for seed in seeds])


def test_it_is_ready_and_says_what_it_is(
    triton: LocalTriton, client: InferenceServerClient
) -> None:
    assert triton.served == ["demo_dynamic", "demo_window"]
    assert client.is_server_ready()
    assert client.get_server_metadata().version == TRITON_VERSION
    config = client.get_model_config("demo_window", "1").config
    assert list(config.input[0].dims) == [512, 1024, 3]
    assert config.max_batch_size == 8


@pytest.mark.parametrize(("height", "width"), [(64, 96), (97, 131), (33, 250), (1, 40)])
def test_any_size_gives_the_logits_of_onnx_runtime(
    client: InferenceServerClient, here: Run, height: int, width: int
) -> None:
    images = _scenes(height, width, 1, 2) if min(height, width) > 1 else _noise(height, width)
    _assert_same(_infer(client, images), here(images))


def _noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)


def test_a_window_goes_through_the_window_graph(client: InferenceServerClient, here: Run) -> None:
    """Which is rewritten: as exact, and not the same bits."""
    images = _scenes(512, 1024, 3)
    assert np.abs(_infer(client, images, "demo_window") - here(images)).max() > 0
    _assert_same(_infer(client, images, "demo_window"), here(images))
    with pytest.raises(InferenceServerException, match="unexpected shape"):
        _infer(client, _scenes(64, 96, 3), "demo_window")


def test_requests_at_once_share_runs_and_each_gets_its_own(
    client: InferenceServerClient, here: Run
) -> None:
    """Of two shapes, which Triton never puts together."""
    # So large that the others arrive while the first one runs.
    pictures = [_scenes(256, 512, seed) for seed in range(8)] + [_scenes(64, 96, 9)]
    before = _counts(client)
    with ThreadPoolExecutor(len(pictures)) as clients:
        answers = list(clients.map(lambda images: _infer(client, images), pictures))
    for images, logits in zip(pictures, answers, strict=True):
        _assert_same(logits, here(images))
    inferences, executions = np.subtract(_counts(client), before)
    assert inferences == 9
    assert executions < 9


def _counts(client: InferenceServerClient) -> tuple[int, int]:
    (found,) = client.get_inference_statistics("demo_dynamic").model_stats
    return found.inference_count, found.execution_count


def test_what_onnx_runtime_refuses_is_an_error_and_the_model_goes_on(
    client: InferenceServerClient, here: Run
) -> None:
    with pytest.raises(InferenceServerException, match="ONNX Runtime failed"):
        _infer(client, np.zeros((1, 0, 5, 3), np.uint8))
    images = _scenes(32, 48, 1)
    _assert_same(_infer(client, images), here(images))
