"""Graphs cut down to one output run nothing else, against the onnx package and ONNX Runtime."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ocrnet.artefacts.onnx_outputs import cut_to_outputs

IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(1, 4, 6, 3)


@pytest.fixture
def model() -> onnx.ModelProto:
    """Logits are the colours, doubled; labels the largest of them, from a weight of their own."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "/Cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], "/Transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "two"], ["logits"], "/Mul"),
        helper.make_node("Add", ["logits", "none"], ["added"], "/labels/Add"),
        helper.make_node("ArgMax", ["added"], ["index"], "/labels/ArgMax", axis=1, keepdims=0),
        helper.make_node("Cast", ["index"], ["labels"], "/labels/Cast", to=TensorProto.UINT8),
    ]
    weights = {"two": np.array(2, np.float32), "none": np.zeros((1, 3, 1, 1), np.float32)}
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 4, 6, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3, 4, 6]),
            helper.make_tensor_value_info("labels", TensorProto.UINT8, ["N", 4, 6]),
        ],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _nodes_run(model: bytes, output: str, folder: Path) -> list[str]:
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    session.run([output], {"image": IMAGE})
    events = json.loads(Path(session.end_profiling()).read_text())
    ended = "_kernel_time"
    return [event["name"].removesuffix(ended) for event in events if ended in event["name"]]


def test_what_labels_alone_need_is_left_out(model: onnx.ModelProto, tmp_path: Path) -> None:
    content = model.SerializeToString()
    cut = cut_to_outputs(content, {"logits"})
    onnx.checker.check_model(onnx.load_from_string(cut), full_check=True)
    graph = onnx.load_from_string(cut).graph
    assert [output.name for output in graph.output] == ["logits"]
    assert [weight.name for weight in graph.initializer] == ["two"]
    # This is why: asked for logits alone, ONNX Runtime runs what is for the labels too.
    assert "/labels/ArgMax" in _nodes_run(content, "logits", tmp_path)
    assert _nodes_run(cut, "logits", tmp_path) == ["/Cast", "/Transpose", "/Mul"]


def test_what_an_output_needs_stays(model: onnx.ModelProto) -> None:
    content = model.SerializeToString()
    assert cut_to_outputs(content, {"logits", "labels"}) == content
    labels = onnx.load_from_string(cut_to_outputs(content, {"labels"})).graph
    assert [node.name for node in labels.node] == [node.name for node in model.graph.node]
    assert [output.name for output in labels.output] == ["labels"]


def test_values_that_a_subgraph_takes_from_outside_stay() -> None:
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Identity", [value], [f"{name}_value"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_value", TensorProto.FLOAT, None)],
        )
        for name, value in (("then", "twice"), ("else", "two"))
    }
    nodes = [
        helper.make_node("Add", ["two", "two"], ["twice"], "/Add"),
        helper.make_node("If", ["which"], ["logits"], "/If", **branches),
        helper.make_node("Add", ["logits", "other"], ["labels"], "/labels/Add"),
    ]
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info("which", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("logits", "labels")],
        [numpy_helper.from_array(np.float32([2]), name) for name in ("two", "other")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    cut = cut_to_outputs(model.SerializeToString(), {"logits"})
    left = onnx.load_from_string(cut).graph
    assert [node.name for node in left.node] == ["/Add", "/If"]
    assert [weight.name for weight in left.initializer] == ["two"]
    session = onnxruntime.InferenceSession(cut, providers=["CPUExecutionProvider"])
    assert session.run(None, {"which": np.array(True)}) == [np.float32([4])]


@pytest.mark.parametrize("content", [b"\xff", b"\x3a\x7f\x00", b"\x3b"])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"number has no end|middle of a field|wire type"):
        cut_to_outputs(content, {"logits"})
