"""Labels inside of a graph: upsampled and arg-maxed as outside of it, by either way."""

import dataclasses
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export.graphs.labels_output import MOST_CLASSES_BY_MAXIMUM, add_labels
from export.tensorrt.api import load_tensorrt
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import ShapeRange
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.zoo import ModelSpec, Size, get_spec

pytestmark = pytest.mark.slow

# The grid of the last is not a quarter of it.
SIZES = [Size(64, 96), Size(33, 50)]


def _graph(spec: ModelSpec, size: Size, element: int, *, running_maximum: bool) -> onnx.ModelProto:
    """One that takes the logits themselves."""
    grid = spec.logits_size(size)
    shape = ["N", spec.classes, grid.height, grid.width]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["logits"], "/Identity")],
        "graph",
        [helper.make_tensor_value_info("image", element, shape)],
        [helper.make_tensor_value_info("logits", element, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    add_labels(model, spec, size, running_maximum=running_maximum)
    return model


def _spec(classes: int) -> ModelSpec:
    """The demo's, with so many classes."""

    class Spec(ModelSpec):
        @property
        def classes(self) -> int:
            return classes

    demo = get_spec("demo")
    return Spec(**{field.name: getattr(demo, field.name) for field in dataclasses.fields(demo)})


def _labels(model: onnx.ModelProto, logits: NDArray[np.floating]) -> NDArray[np.uint8]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels: NDArray[np.uint8] = session.run(["labels"], {"image": logits})[0]
    return labels


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.FLOAT16])
@pytest.mark.parametrize("classes", [2, 19, MOST_CLASSES_BY_MAXIMUM])
def test_a_running_maximum_gives_the_labels_of_argmax(
    classes: int, element: int, size: Size
) -> None:
    """Logits of a few values: everywhere several classes have the largest."""
    spec = _spec(classes)
    grid = spec.logits_size(size)
    shape = (3, classes, grid.height, grid.width)
    numbers = np.random.default_rng(classes).integers(-2, 2, shape)
    logits = numbers.astype(helper.tensor_dtype_to_np_dtype(element))
    plain, by_maximum = (_graph(spec, size, element, running_maximum=way) for way in (False, True))
    labels = _labels(plain, logits)
    assert labels.shape == (3, size.height, size.width)
    found = _labels(by_maximum, logits)
    if element == TensorProto.FLOAT or size == SIZES[0]:
        np.testing.assert_array_equal(found, labels)
    # A CPU leaves out some of the rounding to float16: it may decide what is no tie then.
    assert np.mean(found == labels) > 0.999
    used = Counter(node.op_type for node in by_maximum.graph.node)
    assert used["Greater"] == used["Where"] == classes - 1
    assert "ArgMax" not in used


@pytest.mark.parametrize("name", ["demo", "ocrnet_hr48_cityscapes_authors"])
@pytest.mark.parametrize("way", [False, True])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_labels_are_those_that_are_made_of_the_logits(name: str, way: bool, size: Size) -> None:
    """Half pixels and aligned corners; equal on all but what rounding decides."""
    spec = get_spec(name)
    grid = spec.logits_size(size)
    shape = (1, spec.classes, grid.height, grid.width)
    logits = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = _labels(_graph(spec, size, TensorProto.FLOAT, running_maximum=way), logits)
    expected = upsample_argmax(logits[0], size, align_corners=spec.align_corners)
    assert np.mean(found[0] == expected) > 0.9999


def test_a_pixel_without_numbers_is_one_of_the_classes() -> None:
    spec, size = _spec(5), Size(8, 8)
    logits = np.full((1, 5, 2, 2), np.nan, np.float32)
    labels = _labels(_graph(spec, size, TensorProto.FLOAT, running_maximum=True), logits)
    assert labels.max() < 5


@pytest.mark.parametrize("classes", [2, 19, 21])
def test_tensorrt_builds_it_without_a_topk(classes: int) -> None:
    """In float16, ahead of time, without a GPU; ArgMax is a TopK there."""
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    spec, size = _spec(classes), SIZES[0]
    shapes = ShapeRange(*((count, classes, 16, 24) for count in (1, 2, 2)))
    trt = load_tensorrt("tensorrt_rtx")
    for way in (False, True):
        model = _graph(spec, size, TensorProto.FLOAT16, running_maximum=way)
        network = trt.Builder(trt.Logger(trt.Logger.ERROR)).create_network(0)
        assert trt.OnnxParser(network, trt.Logger(trt.Logger.ERROR)).parse(
            model.SerializeToString()
        )
        kinds = {network.get_layer(index).type for index in range(network.num_layers)}
        assert (trt.LayerType.TOPK in kinds) != way
        assert build_plan(trt, model, shapes, BuildOptions(level=0)).data
