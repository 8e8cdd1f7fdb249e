"""The model over ONNX Runtime, without Triton: who gets which answer."""

import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

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
    code: int

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

    def is_cancelled(self) -> bool:
        return self.cancelled

    def requested_output_names(self) -> list[str]:
        return list(self.outputs)


class _Session:
    """Gives the images back, and notes what it was run with."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        images = inputs["image"]
        self.shapes.append(images.shape)
        results = {"logits": images.astype(np.float32), "labels": images[..., 0]}
        return [results[name] for name in names]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """model.py as Triton loads it, beside what stands for its own module."""
    triton: Any = ModuleType("triton_python_backend_utils")
    triton.Tensor, triton.TritonError, triton.InferenceResponse = _Tensor, _Error, _Response
    triton.TritonModelException = RuntimeError
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
def model(module: ModuleType) -> Any:
    model = module.TritonPythonModel()
    model._session = _Session()
    return model


def _images(number: int, height: int, width: int, value: int) -> np.ndarray:
    return np.full((number, height, width, 3), value, np.uint8)


def test_every_request_gets_the_answer_to_its_own_images(model: Any) -> None:
    requests = [
        _Request(_images(1, 2, 3, 1)),
        _Request(_images(1, 5, 3, 2)),
        _Request(_images(2, 2, 3, 3)),
        _Request(_images(1, 2, 3, 4), ("labels", "logits")),
        _Request(_images(3, 5, 3, 5)),
    ]
    responses = model.execute(requests)
    for request, response in zip(requests, responses, strict=True):
        given = {tensor.name: tensor.values for tensor in response.output_tensors}
        assert sorted(given) == sorted(request.outputs)
        np.testing.assert_array_equal(given["logits"], request.images)
    assert model._session.shapes == [(3, 2, 3, 3), (4, 5, 3, 3), (1, 2, 3, 3)]


def test_a_cancelled_request_is_not_run(model: Any) -> None:
    gone = _Request(_images(1, 2, 3, 1), cancelled=True)
    first, second = model.execute([gone, _Request(_images(1, 2, 3, 2))])
    assert first.error.code == _Error.CANCELLED
    assert second.output_tensors[0].values.max() == 2
    assert model.execute([gone])[0].error is not None
    assert model._session.shapes == [(1, 2, 3, 3)]


def test_windows_are_run_one_after_the_other_until_they_are_cancelled(model: Any) -> None:
    requests = [_Request(_images(n, 256, 512, n)) for n in (3, 2, 2, 5, 1)]
    responses = model.execute(requests)
    assert [response.output_tensors[0].values.shape[0] for response in responses] == [3, 2, 2, 5, 1]
    assert [shape[0] for shape in model._session.shapes] == [3, 4, 5, 1]

    model._session = session = _Session()
    windows = [_Request(_images(1, 512, 1024, n)) for n in range(8)]

    class Leaving(_Session):
        def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            for window in windows:
                window.cancelled = True  # the client has left meanwhile
            return session.run(names, inputs)

    model._session = Leaving()
    responses = model.execute(windows)
    assert [response.error is None for response in responses] == [True] + 7 * [False]
    assert len(session.shapes) == 1


def test_numpy_2_is_refused(module: ModuleType) -> None:
    """With it Triton's Python back end hands over wrong values."""
    config = {"model_config": json.dumps({"parameters": {}})}
    with pytest.raises(RuntimeError, match=r"must be 1\.x"):
        module.TritonPythonModel().initialize(config)
