"""Labels are those of the logits in either type, and say when these are not finite."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.graphs.exact_labels import make_labels_exact
from export.graphs.fp16 import with_visible_rounding
from export.graphs.labels_output import add_labels
from ocrnet.engines.contract import checked_labels
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.errors import BadEngineOutput
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec
from tests.small_models import LABELLED

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")
SIZE = Size(16, 24)
LAST_WEIGHT = "decode_head.1.conv_seg.weight"
TYPES = {"float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT}


def _session(element: str, opset: int = 17) -> onnxruntime.InferenceSession:
    """The tail of a graph alone: logits go in and out, labels come out."""
    shape = ["N", 19, 4, 6]
    node = helper.make_node("Identity", ["given"], ["logits"], "/Identity")
    graph = helper.make_graph(
        [node],
        "tail",
        [helper.make_tensor_value_info("given", TYPES[element], shape)],
        [helper.make_tensor_value_info("logits", TYPES[element], shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    add_labels(model, SPEC, SIZE)
    make_labels_exact(model)
    assert [output.name for output in model.graph.output] == ["logits", "labels"]
    names = [node.name for node in model.graph.node]
    assert len(names) == len(set(names))
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def _logits(element: str, number: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(number, 19, 4, 6)).astype(element)


@pytest.mark.parametrize("element", TYPES)
def test_classes_that_are_close_are_told_apart_as_the_gateway_does(element: str) -> None:
    """With logits like those of random weights: a hundredth of their size apart."""
    logits = (10 + 0.1 * np.random.default_rng(1).normal(size=(40, 19, 4, 6))).astype(element)
    (labels,) = _session(element).run(["labels"], {"given": logits})
    expected = [
        upsample_argmax(one.astype(np.float32), SIZE, align_corners=SPEC.align_corners)
        for one in logits
    ]
    assert np.mean(labels == expected) >= 0.9999


@pytest.mark.parametrize("element", TYPES)
def test_finite_logits_keep_their_labels_to_the_largest(element: str) -> None:
    logits = _logits(element, 3)
    logits[1] *= 100
    # Of float32 as large as a network's can be while it works at all.
    logits[2, 7] = np.finfo(np.float16).max if element == "float16" else 1e30
    (labels,) = _session(element).run(["labels"], {"given": logits})
    assert labels.dtype == np.uint8
    assert labels.max() < 19
    np.testing.assert_array_equal(labels[2], 7)
    assert len(np.unique(labels[1])) > 3


@pytest.mark.parametrize("opset", [17, 18, 19])  # INT8 plans are of 19
@pytest.mark.parametrize("element", TYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (18, 3, 5)])
def test_one_value_that_is_not_finite_marks_its_image_alone(
    element: str, bad: float, place: tuple[int, int, int], opset: int
) -> None:
    logits = _logits(element, 3)
    session = _session(element, opset)
    (expected,) = session.run(["labels"], {"given": logits})
    logits[(1, *place)] = bad
    (labels,) = session.run(["labels"], {"given": logits})
    np.testing.assert_array_equal(labels[[0, 2]], expected[[0, 2]])
    np.testing.assert_array_equal(labels[1], 255)
    with pytest.raises(BadEngineOutput, match="logits that are not finite"):
        checked_labels(labels[1:2], 19, np.zeros((1, 16, 24, 3), np.uint8))


@pytest.mark.slow
def test_a_float16_graph_rounded_as_on_a_gpu_labels_as_its_logits_say(
    labelled_demo: Path,
) -> None:
    model = onnx.load(labelled_demo / "demo_whole" / "1" / "model_fp16.onnx")
    image = draw_scene(0, LABELLED.height, LABELLED.width).image[None]

    def labels_and_logits(model: onnx.ModelProto) -> tuple[np.ndarray, np.ndarray]:
        graph = OnnxRuntimeGraph(with_visible_rounding(model).SerializeToString(), quiet=True)
        found = graph.run_outputs(image, ["labels", "logits"])
        return found["labels"], np.asarray(found["logits"], np.float32)

    labels, logits = labels_and_logits(model)
    expected = upsample_argmax(logits[0], LABELLED, align_corners=SPEC.align_corners)
    assert np.mean(labels[0] == expected) >= 0.9999
    (weight,) = [one for one in model.graph.initializer if one.name == LAST_WEIGHT]
    weight.CopyFrom(numpy_helper.from_array(20_000 * numpy_helper.to_array(weight), LAST_WEIGHT))
    labels, logits = labels_and_logits(model)
    assert np.isinf(logits).any()
    np.testing.assert_array_equal(labels, 255)
