"""The model over ONNX Runtime, without Triton: who gets which answer."""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

import server.local_triton


@dataclass
class _Tensor:
    name: str
    values: np.ndarray

    def as_numpy(self) -> np.ndarray:
        return self.values


@dataclass
class _Error:
    message: str
    code: int = 0

    CANCELLED = 6


@dataclass
class _Response:
    output_tensors: list[_Tensor] = field(default_factory=list)
    error: _Error | None = None


@dataclass
class _Request:
    images: np.ndarray
    outputs: tuple[str, ...] = ("logits",)
    cancelled: bool = False
    answers: list[_Response] = field(default_factory=list)

    @property
    def answer(self) -> _Response:
        (answer,) = self.answers
        return answer

    def get_response_sender(self) -> "_Request":
        return self

    def send(self, response: _Response, flags: int) -> None:
        assert flags == 1
        self.answers.append(response)

    def is_cancelled(self) -> bool:
        return self.cancelled

    def requested_output_names(self) -> list[str]:
        return list(self.outputs)


class _Session:
    """Gives the images back, and notes what it was run with.

    before: is called at the start of each run.
    """

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.before: Callable[[np.ndarray], object] = lambda images: None

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        images = inputs["image"]
        self.before(images)
        self.shapes.append(images.shape)
        results = {"logits": images.astype(np.float32), "labels": images[..., 0]}
        return [results[name] for name in names]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """model.py as Triton loads it, beside what stands for its own module."""
    triton: Any = ModuleType("triton_python_backend_utils")
    triton.Tensor, triton.TritonError, triton.InferenceResponse = _Tensor, _Error, _Response
    triton.TritonModelException = RuntimeError
    triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1
    triton.get_input_tensor_by_name = lambda request, name: _Tensor(name, request.images)
    monkeypatch.setitem(sys.modules, triton.__name__, triton)
    path = Path(server.local_triton.__file__).with_name("model.py")
    spec = importlib.util.spec_from_file_location("local_triton_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def session() -> _Session:
    return _Session()


@pytest.fixture
def model(module: ModuleType, session: _Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model, with what stands for ONNX Runtime's session."""
    model = module.TritonPythonModel()
    parameters = {name: {"string_value": "1"} for name in ("graph", "threads")}
    with monkeypatch.context() as patch:
        patch.setattr(module.onnxruntime, "InferenceSession", lambda *args, **kwargs: session)
        patch.setattr(module.np, "__version__", "1.26.4")  # newer ones are refused
        model.initialize({"model_config": json.dumps({"parameters": parameters})})
    return model


def _images(number: int, height: int, width: int, value: int) -> np.ndarray:
    return np.full((number, height, width, 3), value, np.uint8)


def test_every_request_gets_the_answer_to_its_own_images(model: Any, session: _Session) -> None:
    requests = [
        _Request(_images(1, 2, 3, 1)),
        _Request(_images(1, 5, 3, 2)),
        _Request(_images(2, 2, 3, 3)),
        _Request(_images(1, 2, 3, 4), ("labels", "logits")),
        _Request(_images(3, 5, 3, 5)),
    ]
    model.execute(requests)
    for request in requests:
        given = {tensor.name: tensor.values for tensor in request.answer.output_tensors}
        assert sorted(given) == sorted(request.outputs)
        np.testing.assert_array_equal(given["logits"], request.images)
    assert session.shapes == [(3, 2, 3, 3), (4, 5, 3, 3), (1, 2, 3, 3)]


def test_a_cancelled_request_is_not_run(model: Any, session: _Session) -> None:
    gone, other = _Request(_images(1, 2, 3, 1), cancelled=True), _Request(_images(1, 2, 3, 2))
    model.execute([gone, other])
    assert gone.answer.error is not None
    assert gone.answer.error.code == _Error.CANCELLED
    assert other.answer.output_tensors[0].values.max() == 2
    assert session.shapes == [(1, 2, 3, 3)]


def test_windows_are_run_one_after_the_other_until_they_are_cancelled(
    model: Any, session: _Session
) -> None:
    requests = [_Request(_images(n, 256, 512, n)) for n in (3, 2, 2, 5, 1)]
    model.execute(requests)
    answers = [request.answer.output_tensors[0].values for request in requests]
    assert [len(values) for values in answers] == [3, 2, 2, 5, 1]
    assert [shape[0] for shape in session.shapes] == [3, 4, 5, 1]

    session.shapes.clear()
    windows = [_Request(_images(1, 512, 1024, n)) for n in range(8)]

    def leave(images: np.ndarray) -> None:
        for window in windows:
            window.cancelled = True  # the client has left meanwhile

    session.before = leave
    model.execute(windows)
    assert [window.answer.error is None for window in windows] == [True] + 7 * [False]
    assert len(session.shapes) == 1


def test_windows_are_answered_while_others_are_computed(model: Any, session: _Session) -> None:
    windows = [_Request(_images(1, 512, 1024, n)) for n in range(3)]
    answered: list[int] = []
    session.before = lambda images: answered.append(sum(len(one.answers) for one in windows))
    model.execute(windows)
    assert answered == [0, 1, 2]


@pytest.mark.parametrize(
    ("problem", "reason"),
    [(RuntimeException("no memory"), "no memory"), (MemoryError(), "MemoryError")],
)
def test_a_run_that_fails_fails_its_own_requests_alone(
    model: Any, session: _Session, problem: Exception, reason: str
) -> None:
    good, bad = _Request(_images(1, 512, 1024, 1)), _Request(_images(1, 2, 3, 1))

    def fail(images: np.ndarray) -> None:
        if len(images[0]) == 2:
            raise problem

    session.before = fail
    model.execute([good, bad])
    assert good.answer.error is None
    assert bad.answer.error is not None
    assert bad.answer.error.message == f"ONNX Runtime failed: {reason}"


def test_numpy_2_is_refused(module: ModuleType) -> None:
    """With it Triton's Python back end hands over wrong values."""
    config = {"model_config": json.dumps({"parameters": {}})}
    with pytest.raises(RuntimeError, match=r"must be 1\.x"):
        module.TritonPythonModel().initialize(config)
