"""What the exporter asks of a LoadedGraph beyond what is served."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph, cpu_config
from ocrnet.errors import ArtefactError, EngineError

IMAGES = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
Graph = OpenVinoGraph | OnnxRuntimeGraph
Open = Callable[[Path | onnx.ModelProto], Graph]


@pytest.fixture
def model() -> onnx.ModelProto:
    """Logits: the colours themselves; labels: red. Of one size, for any number of pictures."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["logits"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["image", "red"], ["labels"], axis=3),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 4, 6, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3, 4, 6]),
            helper.make_tensor_value_info("labels", TensorProto.UINT8, ["N", 4, 6]),
        ],
        [helper.make_tensor("red", TensorProto.INT64, [], [0])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _openvino(model: Path | onnx.ModelProto) -> OpenVinoGraph:
    if isinstance(model, Path):
        return OpenVinoGraph(model)
    return OpenVinoGraph(openvino.Core().read_model(model.SerializeToString()))


def _onnxruntime(model: Path | onnx.ModelProto) -> OnnxRuntimeGraph:
    return OnnxRuntimeGraph(model if isinstance(model, Path) else model.SerializeToString())


@pytest.mark.parametrize("opened", [_openvino, _onnxruntime])
@pytest.mark.parametrize("in_memory", [False, True])
def test_several_outputs_of_one_run_of_a_file_or_a_model_in_memory(
    opened: Open, in_memory: bool, model: onnx.ModelProto, tmp_path: Path
) -> None:
    onnx.save(model, tmp_path / "model.onnx")
    graph = opened(model if in_memory else tmp_path / "model.onnx")
    assert graph.outputs == {"logits", "labels"}
    for images in (IMAGES, IMAGES[:1]):
        found = graph.run_outputs(images, ["labels", "logits"])
        assert list(found) == ["labels", "logits"]
        expected: dict[str, NDArray[np.generic]] = {
            "logits": images.transpose(0, 3, 1, 2).astype(np.float32),
            "labels": images[..., 0],
        }
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values)
            np.testing.assert_array_equal(graph.run(images, name), values)
    kept = found["logits"].copy()
    graph.run_outputs(255 - images, ["logits"])
    np.testing.assert_array_equal(found["logits"], kept)


def test_a_model_in_memory_stays_as_it_is(model: onnx.ModelProto) -> None:
    """The INT8 judge runs what is saved afterwards, for any number of pictures."""
    given = openvino.Core().read_model(model.SerializeToString())
    OpenVinoGraph(given)
    assert given.input("image").partial_shape[0].is_dynamic


def test_a_graph_in_memory_that_cannot_be_loaded_is_said_to_be_one() -> None:
    with pytest.raises(ArtefactError, match="cannot load the graph in memory: "):
        OnnxRuntimeGraph(b"no graph")


def test_onnx_runtime_is_as_quiet_and_as_exact_as_asked_for(
    model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[onnxruntime.SessionOptions] = []
    session = onnxruntime.InferenceSession

    def spy(source: bytes, settings: onnxruntime.SessionOptions, **rest: object) -> object:
        seen.append(settings)
        return session(source, settings, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    content = model.SerializeToString()
    OnnxRuntimeGraph(content, quiet=True, qdq_in_float=True)
    OnnxRuntimeGraph(content)
    assert seen[0].log_severity_level == 3
    assert seen[0].get_session_config_entry("session.disable_quant_qdq") == "1"
    assert seen[1].log_severity_level == onnxruntime.SessionOptions().log_severity_level
    with pytest.raises(RuntimeError, match="disable_quant_qdq"):
        seen[1].get_session_config_entry("session.disable_quant_qdq")


def test_onnx_runtime_runs_nothing_for_labels_where_logits_alone_are_wanted(
    model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    session = onnxruntime.InferenceSession

    def spy(source: bytes, *settings: object, **rest: object) -> object:
        opened.append(source)
        return session(source, *settings, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    content = model.SerializeToString()
    graph = OnnxRuntimeGraph(content)
    graph.run(IMAGES, "labels")
    graph.run_outputs(IMAGES, ["labels", "logits"])
    assert opened == [content]  # no memory for what may never be asked for
    for _ in range(2):
        logits = graph.run(IMAGES, "logits")
        np.testing.assert_array_equal(logits, IMAGES.transpose(0, 3, 1, 2))
    (_, cut) = opened
    left = onnx.load_from_string(cut).graph
    assert [node.op_type for node in left.node] == ["Cast", "Transpose"]


def test_logits_of_a_file_that_was_replaced_are_still_those_of_its_labels(
    model: onnx.ModelProto, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    graph = OnnxRuntimeGraph(path)
    path.write_bytes(b"of another checkpoint")
    np.testing.assert_array_equal(graph.run(IMAGES, "logits"), IMAGES.transpose(0, 3, 1, 2))


def test_openvino_computes_in_float32_with_all_threads_on_one_call() -> None:
    assert cpu_config() == {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


class _FailingProvider:
    """A session whose provider fails in a run, as that of a GPU does."""

    def __init__(self, session: object):
        self._session = session

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def run(self, *_: object) -> None:
        states = onnxruntime.capi.onnxruntime_pybind11_state
        raise states.EPFail("CUDA failure 719: unspecified launch failure")


def test_a_run_that_fails_on_its_provider_is_not_repeated_on_another(
    model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime would go on with the CPU from then on, and print it alone."""
    graph = OnnxRuntimeGraph(model.SerializeToString())
    monkeypatch.setattr(graph._session, "_sess", _FailingProvider(graph._session._sess))
    with pytest.raises(EngineError, match="failed on images of shape"):
        graph.run_outputs(IMAGES, ["logits", "labels"])
    assert capsys.readouterr().out == ""
