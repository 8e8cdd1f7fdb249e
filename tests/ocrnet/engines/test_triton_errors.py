"""What a real Triton says of what it does not serve, and the error that this is here."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.engines.triton.grpc_errors import queue_refusal, translate_error
from ocrnet.errors import DeadlineExceeded, EngineError, EngineUnavailable, Overloaded
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton, TritonEnvironment

pytestmark = pytest.mark.slow

Send = Callable[..., InferenceServerException | None]
_QUEUE = 2


@pytest.fixture(scope="module")
def triton(
    local_triton_environment: TritonEnvironment,
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalTriton]:
    """It computes one request at a time, and few may wait."""
    repository = tmp_path_factory.mktemp("repository")
    shutil.copytree(root / "model_repository" / "demo_dynamic", repository / "demo_dynamic")
    write_configs(get_spec("demo"), repository, Serving(max_batch=1, queue_size=_QUEUE))
    with LocalTriton(local_triton_environment, repository, ["demo"], kinds=["dynamic"]) as started:
        yield started


@pytest.fixture(scope="module")
def send(triton: LocalTriton) -> Iterator[Send]:
    """Sends one image, and returns the error if there is one."""
    with InferenceServerClient(triton.addresses.grpc) as client:

        def send(
            shape: tuple[int, ...] = (1, 256, 512, 3),
            model: str = "demo_dynamic",
            microseconds: int | None = None,
        ) -> InferenceServerException | None:
            image = InferInput("image", list(shape), "UINT8")
            image.set_data_from_numpy(np.zeros(shape, np.uint8))
            try:
                client.infer(model, [image], timeout=microseconds)
            except InferenceServerException as error:
                return error
            return None

        yield send


def _at_once(number: int, send: Callable[[], InferenceServerException | None]) -> list[Exception]:
    with ThreadPoolExecutor(number) as threads:
        answers = [threads.submit(send) for _ in range(number)]
        return [error for answer in answers if (error := answer.result()) is not None]


def test_a_full_queue_is_overload(send: Send) -> None:
    errors = _at_once(6 * _QUEUE, send)
    assert errors
    for error in errors:
        assert queue_refusal(error) == "full", str(error)
        assert type(translate_error(error, "here", None)) is Overloaded


def test_waiting_too_long_is_overload_unless_the_deadline_has_passed(send: Send) -> None:
    errors = _at_once(_QUEUE, lambda: send(microseconds=1))
    assert errors
    for error in errors:
        assert queue_refusal(error) == "timeout", str(error)
        assert type(translate_error(error, "here", None)) is Overloaded
        assert type(translate_error(error, "here", 1.0)) is Overloaded
        assert type(translate_error(error, "here", 0.0)) is DeadlineExceeded


def test_a_model_that_is_not_there_is_unavailable(send: Send) -> None:
    error = send(model="no_such_model")
    assert error is not None
    assert queue_refusal(error) is None
    assert type(translate_error(error, "here", 0.0)) is EngineUnavailable


def test_an_image_of_the_wrong_shape_is_an_error_of_the_engine(send: Send) -> None:
    error = send(shape=(1, 8, 8, 4))
    assert error is not None
    assert queue_refusal(error) is None
    assert type(translate_error(error, "here", 0.0)) is EngineError


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", DeadlineExceeded),
        ("UNAVAILABLE", "[request id: 3] Exceeds maximum queue size", Overloaded),
        ("UNAVAILABLE", "failed to connect to all addresses", EngineUnavailable),
        ("NOT_FOUND", "Request for unknown model: 'demo_whole' is not found", EngineUnavailable),
        # Words of the queue's that another part of Triton says.
        ("INTERNAL", "the lock's timeout expired", EngineError),
    ],
)
def test_the_status_says_what_it_can(status: str, message: str, kind: type[Exception]) -> None:
    error = InferenceServerException(message, f"StatusCode.{status}")
    assert type(translate_error(error, "here", 1.0)) is kind
