"""Fixed graphs hold no shape arithmetic, and compute what those that have it compute."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from benchmarks.lib.architectures import architectures
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.evaluation.runners import run_pytorch
from export.graphs.constant_sizes import make_sizes_constant, resize_scale
from export.graphs.fp16 import to_fp16, with_visible_rounding
from export.graphs.labels_output import add_labels
from export.graphs.onnx_export import export_graph, trace_graph
from export.graphs.source import Source
from export.optimise.optimised_network import OptimisedNetwork
from export.optimise.passes import Passes
from export.tensorrt.api import load_tensorrt
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import ShapeRange
from ocrnet.zoo import Size, get_spec
from tests.small_models import one_block_a_branch

pytestmark = pytest.mark.slow

HR18S, AUTHORS = "ocrnet_hr18s_cityscapes_40k", "ocrnet_hr48_cityscapes_authors"
# HRNet's branches double from one to the next, or do not; an own crop, odd sides, a single row.
EVEN, UNEVEN = Size(64, 96), [Size(97, 131), Size(130, 130), Size(1, 40)]
ARCHITECTURES = [specs[0].name for specs in architectures().values()]


@pytest.fixture(scope="module", params=["mmsegmentation", "authors"])
def small(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Of 18 channels with one block a branch: resizes twice, or aligns corners everywhere."""
    name = HR18S if request.param == "mmsegmentation" else AUTHORS
    with one_block_a_branch():
        yield Source(dataclasses.replace(get_spec(name), backbone="hr18s"), RANDOM_WEIGHTS)


@cache
def _plain(source: Source, size: Size) -> onnx.ModelProto:
    return export_graph(source.network, size)


@cache
def _rewritten(source: Source, size: Size) -> OptimisedNetwork:
    passes = Passes().possible_for(source.spec.backbone)
    return OptimisedNetwork(source.network, size, passes).eval()


@cache
def _optimised(source: Source, size: Size) -> onnx.ModelProto:
    return export_graph(_rewritten(source, size), size)


def _run(
    model: onnx.ModelProto, images: NDArray[np.uint8], output: str = "logits", *, plainly: bool
) -> NDArray[np.float32]:
    """plainly: without the fusions that ONNX Runtime finds only where it knows shapes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if plainly:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    result: NDArray[np.float32] = session.run([output], {"image": images})[0]
    return result


def _images(count: int, size: Size) -> NDArray[np.uint8]:
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, size.height, size.width, 3), dtype=np.uint8)


def _error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def _has_constant_sizes(model: onnx.ModelProto) -> bool:
    """Whether each Resize and Reshape reads constants, and no node a shape."""
    constants = {weight.name for weight in model.graph.initializer}
    read = [
        name
        for node in model.graph.node
        if node.op_type in ("Resize", "Reshape")
        for name in node.input[1:]
        if name
    ]
    return set(read) <= constants and "Shape" not in _operators(model)


def _check_structure(source: Source) -> None:
    plain, optimised = _plain(source, EVEN), _optimised(source, EVEN)
    for model in (plain, optimised):
        assert _has_constant_sizes(model)
        assert not _operators(model).keys() & {"Shape", "Slice", "Squeeze", "Floor", "Expand"}
    # Of normalisation, of branches that are joined, and of the heads.
    found = _operators(plain)
    assert sum(found[kind] for kind in ("Gather", "Unsqueeze", "Cast", "Mul", "Concat")) <= 6
    assert found["Constant"] <= 5
    # Of coarse branches' rows and columns: what the rewriting reads.
    found = _operators(optimised)
    assert found["Gather"] <= 16
    assert found["Concat"] <= 30
    assert found["Unsqueeze"] == 0


def test_fixed_graphs_hold_no_shape_arithmetic(small: Source) -> None:
    """The dynamic one does."""
    _check_structure(small)
    assert _operators(export_graph(small.network, None))["Shape"] > 20


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_fixed_graphs_of_all_architectures_hold_no_shape_arithmetic(name: str) -> None:
    _check_structure(Source(get_spec(name), RANDOM_WEIGHTS))


@pytest.mark.parametrize(
    ("size", "count"), [(EVEN, 8), *((size, 1 + index) for index, size in enumerate(UNEVEN))]
)
def test_a_plain_graph_gives_the_logits_of_the_one_that_computes_sizes(
    small: Source, size: Size, count: int
) -> None:
    traced, model = trace_graph(small.network, size), _plain(small, size)
    images = _images(count, size)
    found, computed = _run(model, images, plainly=True), _run(traced, images, plainly=True)
    if size == EVEN:
        np.testing.assert_array_equal(found, computed)
    assert _error(found, computed) < 2e-6
    assert _error(_run(model, images, plainly=False), run_pytorch(small.network)(images)) < 1e-5


@pytest.mark.parametrize(("size", "count"), [(EVEN, 2), (UNEVEN[0], 1)])
def test_a_rewritten_graph_gives_the_logits_of_the_one_that_computes_sizes(
    small: Source, size: Size, count: int
) -> None:
    traced, model = trace_graph(_rewritten(small, size), size), _optimised(small, size)
    images = _images(count, size)
    found, computed = _run(model, images, plainly=True), _run(traced, images, plainly=True)
    if size == EVEN:
        np.testing.assert_array_equal(found, computed)
    assert _error(found, computed) < 2e-6
    assert _error(_run(model, images, plainly=False), computed) < 1e-5


@pytest.mark.parametrize("size", [EVEN, UNEVEN[0]])
def test_every_runtime_takes_it_in_float16_and_with_labels(small: Source, size: Size) -> None:
    """TensorRT parses and builds ahead of time, without a GPU."""
    plain = _plain(small, size)
    half = to_fp16(plain)
    add_labels(half, small.spec, size)
    assert _has_constant_sizes(half)
    scales = {node.input[2] for node in half.graph.node if node.op_type == "Resize"}
    weights = {weight.name: weight for weight in half.graph.initializer}
    assert {weights[name].data_type for name in scales} == {TensorProto.FLOAT}
    images = _images(2, size)
    expected = _run(plain, images, plainly=False)
    assert _error(_run(with_visible_rounding(half), images, plainly=False), expected) < 0.05
    assert _run(half, images, "labels", plainly=False).shape == images.shape[:3]
    core = openvino.Core()
    read = core.read_model(plain.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert _error(compiled({"image": images})["logits"], expected) < 1e-5
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    shapes = ShapeRange(*((count, size.height, size.width, 3) for count in (1, 2, 2)))
    plan = build_plan(load_tensorrt("tensorrt_rtx"), half, shapes, BuildOptions(level=0))
    assert plan.layers < 1.5 * len(half.graph.node)


def test_a_scale_gives_the_size_that_was_asked_for() -> None:
    """Whether a runtime multiplies in float32 or in float64; rounded to nearest, some do not."""
    for low in range(1, 300):
        for high in {*range(1, 70), 2 * low, 4 * low, 8 * low, 4 * low - 3, 1023, 2048, 16383}:
            scale = resize_scale(low, high)
            assert int(scale * np.float32(low)) == int(float(scale) * low) == high
            assert scale == np.float32(high / low) or scale == np.nextafter(
                np.float32(high / low), np.float32(np.inf)
            )
    assert resize_scale(128, 256) == 2


def test_a_reshape_that_merges_n_with_another_dimension_keeps_it_free() -> None:
    model = _model(
        [
            helper.make_node("Cast", ["image"], ["x"], "/Cast", to=TensorProto.FLOAT),
            helper.make_node("Shape", ["x"], ["all"], "/Shape"),
            helper.make_node("Slice", ["all", "two", "four"], ["last"], "/Slice"),
            helper.make_node("Concat", ["any", "last"], ["shape"], "/Concat", axis=0),
            helper.make_node("Reshape", ["x", "shape"], ["logits"], "/Reshape", allowzero=1),
        ],
        {"two": [2], "four": [4], "any": [-1]},
        ["M", 6, 3],
    )
    images = _images(3, Size(4, 6))
    expected = _run(model, images, plainly=True)
    make_sizes_constant(model)
    assert _operators(model) == {"Cast": 1, "Reshape": 1}
    np.testing.assert_array_equal(_run(model, images, plainly=True), expected)


def test_a_resize_that_changes_nothing_stays_where_its_output_is_a_result() -> None:
    model = _model(
        [
            helper.make_node("Cast", ["image"], ["x"], "/Cast", to=TensorProto.FLOAT),
            helper.make_node("Shape", ["x"], ["all"], "/Shape"),
            helper.make_node("Resize", ["x", "", "", "all"], ["logits"], "/Resize", mode="linear"),
        ],
        {},
        ["N", 4, 6, 3],
    )
    images = _images(2, Size(4, 6))
    make_sizes_constant(model)
    assert _operators(model) == {"Cast": 1, "Resize": 1}
    np.testing.assert_array_equal(_run(model, images, plainly=True), images)


def _model(
    nodes: Sequence[onnx.NodeProto], constants: dict[str, list[int]], shape: Sequence[str | int]
) -> onnx.ModelProto:
    """From `image`, of 4x6, to `logits`."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 4, 6, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(v, np.int64), name) for name, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
