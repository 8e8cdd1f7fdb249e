"""Real graphs by NNCF, small pictures: what is 8 bits, what is not, and that they run."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import onnx
import openvino
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.version_converter import convert_version

from export.evaluation.int8_judge import Judge, labeller
from export.evaluation.runners import run_onnx
from export.graphs.constant_sizes import computes_sizes
from export.graphs.fp16 import to_fp16, with_visible_rounding
from export.graphs.source import Source
from export.int8.calibration import CalibrationImages, synthetic_pictures
from export.int8.layer_groups import OF_REWRITTEN, layer_group_of
from export.int8.quantise import to_openvino, to_qdq
from export.int8.sensitivity import BY_DEFAULT
from export.tensorrt.api import load_tensorrt
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import ShapeRange
from ocrnet.datasets import SyntheticScenes
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size
from tests.small_models import one_block_a_branch

pytestmark = pytest.mark.slow

KEPT_IN_FLOAT = tuple(BY_DEFAULT.keys() - OF_REWRITTEN)


@pytest.fixture(scope="module")
def for_cpu(graph: onnx.ModelProto, pictures: CalibrationImages) -> openvino.Model:
    return to_openvino(graph, pictures.calibration, KEPT_IN_FLOAT)


@pytest.fixture(scope="module")
def qdq(graph: onnx.ModelProto, pictures: CalibrationImages) -> onnx.ModelProto:
    return to_qdq(graph, pictures.calibration, KEPT_IN_FLOAT)


@pytest.fixture(scope="module")
def judge(demo: Source, graph: onnx.ModelProto, pictures: CalibrationImages) -> Judge:
    return Judge(graph, demo.spec, pictures.held_out, labelled=pictures.labelled)


@pytest.mark.thorough
def test_labels_stay_on_a_cpu(judge: Judge, for_cpu: openvino.Model) -> None:
    assert 0 < judge.figures(for_cpu).changed_labels < 0.05


@pytest.mark.thorough
def test_labels_stay_as_qdq(judge: Judge, qdq: onnx.ModelProto) -> None:
    assert 0 < judge.figures(qdq).changed_labels < 0.05


def test_all_convolutions_for_cpus_are_8_bits(for_cpu: openvino.Model) -> None:
    inputs = Counter(
        tuple(_quantised(value) for value in op.input_values())
        for op in for_cpu.get_ops()
        if op.get_type_name() == "Convolution"
    )
    assert inputs == {(True, True): 155}


def _quantised(value: openvino.Output) -> bool:
    """Whether a tensor comes of 8 bits: by nodes that only choose or move, if by any."""
    node = value.get_node()
    kind = node.get_type_name()
    if kind in ("Concat", "Interpolate", "Relu", "Reshape", "Transpose", "Unsqueeze"):
        return _quantised(node.input_value(0))
    if kind == "Multiply":  # a weight: int8 → float → times its scale
        return any(
            i.get_node().get_type_name() == "Convert"
            and i.get_node().input_value(0).get_element_type() == openvino.Type.i8
            for i in node.input_values()
        )
    return kind == "FakeQuantize"


def test_weights_for_cpus_keep_to_7_bits(for_cpu: openvino.Model) -> None:
    """Else 16-bit sums overflow where a CPU has no VNNI."""
    weights = [
        op.data
        for op in for_cpu.get_ops()
        if op.get_type_name() == "Constant" and op.get_element_type() == openvino.Type.i8
    ]
    assert len(weights) == 155
    assert max(int(np.abs(weight.astype(np.int16)).max()) for weight in weights) == 64


def test_a_graph_for_cpus_takes_any_size(for_cpu: openvino.Model, demo: Source) -> None:
    image = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    assert labeller(for_cpu, demo.spec)(image).shape == (97, 131)


def test_qdq_nodes_are_what_tensorrt_takes(qdq: onnx.ModelProto) -> None:
    tensors = {tensor.name: tensor for tensor in qdq.graph.initializer}
    zero_points = {
        node.input[2] for node in qdq.graph.node if node.op_type.endswith("quantizeLinear")
    } | {node.input[2] for node in qdq.graph.node if node.op_type == "QuantizeLinear"}
    assert len(zero_points) > 155
    for name in zero_points:
        assert tensors[name].data_type == onnx.TensorProto.INT8
        assert not numpy_helper.to_array(tensors[name]).any()


def test_parts_that_float_have_no_8_bits(qdq: onnx.ModelProto) -> None:
    made_by = {name: node.op_type for node in qdq.graph.node for name in node.output}
    inputs: dict[str, set[str]] = {}
    for node in qdq.graph.node:
        part = layer_group_of(node.name)
        if part in KEPT_IN_FLOAT and node.op_type in ("Sub", "Div", "Softmax", "MatMul"):
            inputs.setdefault(part, set()).update(made_by.get(name, "") for name in node.input)
    assert set(inputs) == set(KEPT_IN_FLOAT)
    assert not {"DequantizeLinear"} & set.union(*inputs.values())
    convolutions = [node for node in qdq.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 155
    assert all(made_by[name] == "DequantizeLinear" for n in convolutions for name in n.input[1:2])


def test_a_fixed_graph_is_calibrated_with_smaller_pictures_and_keeps_its_size(
    toy: onnx.ModelProto, pictures: CalibrationImages
) -> None:
    fixed = onnx.ModelProto()
    fixed.CopyFrom(toy)
    for port, size in ((fixed.graph.input[0], (2, 256, 3)), (fixed.graph.output[0], (19, 2, 256))):
        for dim, length in zip(port.type.tensor_type.shape.dim[1:], size, strict=True):
            dim.dim_value = length
    qdq = to_qdq(fixed, pictures.calibration, KEPT_IN_FLOAT)
    assert "QuantizeLinear" in {node.op_type for node in qdq.graph.node}
    assert list(qdq.graph.input) == list(fixed.graph.input)
    assert list(qdq.graph.output) == list(fixed.graph.output)
    for_cpu = to_openvino(fixed, pictures.calibration, KEPT_IN_FLOAT)
    assert "FakeQuantize" in {op.get_type_name() for op in for_cpu.get_ops()}
    assert str(for_cpu.input("image").get_partial_shape()) == "[?,2,256,3]"
    assert str(for_cpu.output("logits").get_partial_shape()) == "[?,19,2,256]"


def test_a_fixed_graph_of_qdq_nodes_has_constant_sizes(
    graph: onnx.ModelProto, qdq: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NNCF has quantised the one of any size: no node of it knew the size."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(graph)
    for port, size in ((fixed.graph.input[0], (64, 96)), (fixed.graph.output[0], (19, 16, 24))):
        for dim, length in zip(port.type.tensor_type.shape.dim[1:], size, strict=False):
            dim.dim_value = length
    monkeypatch.setattr("export.int8.quantise._quantise", lambda *_: qdq)
    found = to_qdq(fixed, [], KEPT_IN_FLOAT)
    assert computes_sizes(qdq)
    assert not computes_sizes(found)
    assert not computes_sizes(to_fp16(convert_version(found, 19)))
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    expected = run_onnx(qdq)(image)
    assert np.abs(run_onnx(found)(image) - expected).max() < 1e-2 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "size", "calibrated"),
    [
        ("one block a branch", Size(192, 256), Size(64, 128)),
        pytest.param("demo", Size(384, 512), Size(128, 256), marks=pytest.mark.thorough),
    ],
)
def test_a_rewritten_graph_is_calibrated_as_that_of_a_smaller_size(
    name: str, size: Size, calibrated: Size, demo: Source
) -> None:
    pictures = synthetic_pictures(demo.spec, calibrated, 4)
    with ExitStack() as stack:
        source = demo
        if name != "demo":
            stack.enter_context(one_block_a_branch())
            source = Source(demo.spec, "stand-in")
        graph = source.optimised_graph(size, "int8")
        small = source.optimised_graph(calibrated, "int8")
    quantised = to_openvino(graph, pictures.calibration, tuple(BY_DEFAULT), rewritten=small)
    assert str(quantised.input("image").get_partial_shape()) == f"[1,{size.height},{size.width},3]"
    kinds = Counter(
        tuple(_quantised(value) for value in op.input_values())
        for op in quantised.get_ops()
        if op.get_type_name() == "Convolution"
    )
    assert kinds.keys() == {(True, True)}
    resized = [op for op in quantised.get_ops() if op.get_type_name() == "Interpolate"]
    assert resized
    assert not [op for op in resized if op.get_input_shape(0) == op.get_output_shape(0)]
    (added,) = [
        op for op in quantised.get_ops() if "/_split_bottleneck/Add" in op.get_friendly_name()
    ]
    assert not any(_quantised(value) for value in added.input_values())
    scenes = list(SyntheticScenes(600_000, 1, size))
    judge = Judge(graph, demo.spec, scenes, labelled=True)
    assert 0 < judge.figures(quantised).changed_labels < 0.05


def test_float16_between_the_8_bits_leaves_the_labels(
    demo: Source, qdq: onnx.ModelProto, pictures: CalibrationImages
) -> None:
    """What plans are built from."""
    fp16 = to_fp16(convert_version(qdq, 19))
    image = pictures.held_out[0].image
    expected = labeller(qdq, demo.spec)(image)
    logits = run_onnx(with_visible_rounding(fp16))(image[None])
    assert np.mean(_argmax(logits) == expected[::4, ::4]) > 0.9


def _argmax(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    return logits[0].argmax(0)


def test_tensorrt_parses_and_builds_it(qdq: onnx.ModelProto) -> None:
    """Ahead of time, without a GPU."""
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    fp16 = to_fp16(convert_version(qdq, 19))
    shape = (1, 128, 256, 3)
    fixed = ShapeRange(shape, shape, shape)
    for dim, length in zip(fp16.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = length
    plan = build_plan(load_tensorrt("tensorrt_rtx"), fp16, fixed, BuildOptions(level=0))
    assert plan.layers > 1000


@pytest.mark.parametrize("quantise", [to_openvino, to_qdq])
def test_a_graph_of_another_exporter_is_refused(
    quantise: Callable[..., object],
    graph: onnx.ModelProto,
    renamed: Callable[[onnx.ModelProto], onnx.ModelProto],
) -> None:
    with pytest.raises(ArtefactError, match="not of this exporter"):
        quantise(renamed(graph), [], KEPT_IN_FLOAT)
