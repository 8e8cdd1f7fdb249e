from types import ModuleType

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from torch.nn.functional import interpolate

from export.evaluation.runners import Run, run_onnx, run_pytorch
from export.graphs.fp16 import to_fp16, with_visible_rounding
from export.graphs.fp16.convert import ISLANDS
from export.graphs.source import Source
from ocrnet.errors import ArtefactError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec


@pytest.fixture(scope="module")
def fp16(graph: onnx.ModelProto) -> onnx.ModelProto:
    return to_fp16(graph)


def _labels(run: Run, image: NDArray[np.uint8]) -> NDArray[np.int64]:
    logits = torch.from_numpy(run(image[None]))
    full = interpolate(logits, image.shape[:2], mode="bilinear")
    return full.argmax(1)[0].numpy()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("height", "seeds"),
    [(256, (3,)), pytest.param(512, (3, 4), marks=pytest.mark.thorough)],
)
def test_float16_gives_the_labels_of_float32_on_drawn_scenes(
    height: int, seeds: tuple[int, ...], demo: Source, fp16: onnx.ModelProto
) -> None:
    exact, rounded = run_pytorch(demo.network), run_onnx(with_visible_rounding(fp16))
    images = [draw_scene(seed, height, 2 * height).image for seed in seeds]
    same = np.mean([_labels(exact, image) == _labels(rounded, image) for image in images])
    assert 0.999 <= same < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "ocrnet_hr18s_cityscapes_40k",
        pytest.param("ocrnet_hr18_voc12_20k", marks=pytest.mark.thorough),
    ],
)
def test_float16_gives_the_labels_of_float32_on_the_reference_picture(
    name: str, golden_weights: ModuleType
) -> None:
    """With weights drawn at random, whose logits lie close together."""
    source = Source(get_spec(name), "stand-in")
    rounded = run_onnx(with_visible_rounding(to_fp16(source.plain_graph("dynamic"))))
    image = golden_weights.image(96, 192, 1)
    assert np.mean(_labels(run_pytorch(source.network), image) == _labels(rounded, image)) >= 0.995


@pytest.mark.slow
def test_types_stand_in_the_graph_and_islands_keep_float32(fp16: onnx.ModelProto) -> None:
    inferred = onnx.shape_inference.infer_shapes(fp16, strict_mode=True)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    wide = {
        node.name
        for node in inferred.graph.node
        if node.op_type in ("Conv", "MatMul", "Softmax", "Sub", "Div", "Add", "Relu", "Resize")
        and types.get(node.output[0]) == onnx.TensorProto.FLOAT
    }
    assert wide == {name for name in ISLANDS if name not in ("/Cast", "/Transpose")}
    (logits,) = fp16.graph.output
    assert logits.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
    large = [weight for weight in fp16.graph.initializer if np.prod(weight.dims) > 100]
    assert large
    assert {weight.data_type for weight in large} == {onnx.TensorProto.FLOAT16}


def test_nothing_is_rounded_inside_an_island(fp16: onnx.ModelProto) -> None:
    maker = {name: node for node in fp16.graph.node for name in node.output}
    node = {node.name: node for node in fp16.graph.node}
    for follower, leader in (("/Transpose", "/Cast"), ("/Sub", "/Transpose"), ("/Div", "/Sub")):
        assert maker[node[follower].input[0]].name == leader
    (weights,) = [name for name in node["/decode_head.1/MatMul"].input if "Softmax" in name]
    assert maker[weights].name == "/decode_head.1/Softmax"
    for name, values in (("/Sub", (123.675, 116.28, 103.53)), ("/Div", (58.395, 57.12, 57.375))):
        constant = maker[node[name].input[1]]
        stored = onnx.numpy_helper.to_array(constant.attribute[0].t)
        np.testing.assert_array_equal(stored.ravel(), np.array(values, np.float32))


def test_nodes_stand_in_an_order_that_runs(fp16: onnx.ModelProto) -> None:
    known = {"", "image", *(weight.name for weight in fp16.graph.initializer)}
    for node in fp16.graph.node:
        assert set(node.input) <= known, node.name
        known |= set(node.output)


def test_rounding_is_visible() -> None:
    """ONNX Runtime alone would multiply twice in float32 and round once."""
    fp16, wide = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    factor = np.array([1 + 2**-10], np.float16)
    five = np.array([5], np.float16)
    nodes = [
        onnx.helper.make_node("Cast", ["x"], ["narrow"], "/Cast", to=fp16),
        onnx.helper.make_node("Mul", ["narrow", "factor"], ["once"], "/Mul"),
        onnx.helper.make_node("Mul", ["once", "five"], ["logits"], "/Mul_1"),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "graph",
        [onnx.helper.make_tensor_value_info("x", wide, [1])],
        [onnx.helper.make_tensor_value_info("logits", fp16, [1])],
        [
            onnx.numpy_helper.from_array(factor, "factor"),
            onnx.numpy_helper.from_array(five, "five"),
        ],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    session = ReferenceEvaluator(with_visible_rounding(model))
    (found,) = session.run(None, {"x": factor.astype(np.float32)})
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (factor * factor * five).astype(np.float32))
    in_float32 = factor.astype(np.float32) ** 2 * 5
    assert found not in (in_float32, in_float32.astype(np.float16).astype(np.float32))


def test_a_weight_past_the_range_of_float16_is_named(graph: onnx.ModelProto) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    (weight,) = [w for w in model.graph.initializer if w.name == "decode_head.1.conv_seg.weight"]
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0, 0] = 70000
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    with pytest.raises(ArtefactError, match=r"conv_seg\.weight holds 7e\+04"):
        to_fp16(model)


def test_a_graph_of_another_exporter_is_refused(graph: onnx.ModelProto) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    for node in model.graph.node:
        node.name = ""
    with pytest.raises(ArtefactError, match="not of this exporter"):
        to_fp16(model)
