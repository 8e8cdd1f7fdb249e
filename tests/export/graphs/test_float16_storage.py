"""Weights stored as float16: the same bits once the graph is loaded, or they stay float32."""

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from export.graphs.float16_storage import norm_factors, store_as_float16
from export.graphs.source import Source
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.without_telemetry import openvino
from ocrnet.zoo import Size
from tests.small_models import small_spec

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def _graph(**weights: NDArray[np.float32]) -> onnx.ModelProto:
    """A sum of the weights, which is all that a runtime computes of it."""
    names = list(weights)
    nodes = [
        helper.make_node("ReduceSum", [name], [f"{name}.sum"], f"/{name}", keepdims=0)
        for name in names
    ]
    nodes.append(helper.make_node("Sum", [f"{name}.sum" for name in names], ["y"], "/Sum"))
    graph = helper.make_graph(
        nodes,
        "sum",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _loaded(model: onnx.ModelProto, name: str) -> NDArray[np.float32]:
    """A weight as the graph's first nodes compute it."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.output[:]
    part.graph.output.add(name=name)
    session = ReferenceEvaluator(part)
    return np.asarray(session.run([name], {})[0])


def _types(model: onnx.ModelProto) -> dict[str, int]:
    return {weight.name: weight.data_type for weight in model.graph.initializer}


def _halves(*shape: int) -> NDArray[np.float32]:
    return RNG.normal(size=shape).astype(np.float16).astype(np.float32)


def _factors(count: int) -> NDArray[np.float32]:
    return RNG.uniform(0.1, 3, count).astype(np.float32)


FACTORS = _factors(8)


@pytest.mark.parametrize(
    ("weight", "factors"),
    [
        pytest.param(_halves(8, 5, 3, 3), [], id="a float16 already"),
        pytest.param(_halves(8, 5, 3, 3) * FACTORS[:, None, None, None], [FACTORS], id="folded"),
        pytest.param(_halves(5, 8) * FACTORS, [_factors(8), FACTORS], id="of a product of tokens"),
        pytest.param(_halves(5, 24) * np.tile(FACTORS, 3), [FACTORS], id="columns of a kernel"),
        pytest.param(
            _halves(8, 4) * np.where(np.arange(8) == 3, 0, FACTORS).astype(np.float32)[:, None],
            [np.where(np.arange(8) == 3, 0, FACTORS).astype(np.float32)],
            id="a channel that is switched off",
        ),
    ],
)
def test_a_weight_in_half_the_bytes_is_the_same_weight(
    weight: NDArray[np.float32], factors: list[NDArray[np.float32]]
) -> None:
    model = _graph(weight=weight)
    store_as_float16(model, factors)
    onnx.checker.check_model(model, full_check=True)
    assert _types(model)["weight.half"] == TensorProto.FLOAT16
    found = _loaded(model, "weight")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, weight)


@pytest.mark.parametrize(
    ("weight", "factors"),
    [
        pytest.param(RNG.normal(size=(8, 8)).astype(np.float32), [FACTORS], id="any float32"),
        pytest.param(_halves(8, 4) * FACTORS[:, None], [], id="factors that nobody names"),
        pytest.param(_halves(8, 4) * FACTORS[:, None], [_factors(8)], id="other factors"),
        pytest.param(np.full((4, 4), 70_000, np.float32), [], id="past float16"),
        pytest.param(np.full((4, 4), 1e-9, np.float32), [], id="below float16"),
        pytest.param(np.ones((3, 5), np.float32), [], id="too small to gain"),
    ],
)
def test_what_would_be_another_weight_stays_as_it_is(
    weight: NDArray[np.float32], factors: list[NDArray[np.float32]]
) -> None:
    model = _graph(weight=weight)
    before = model.SerializeToString()
    store_as_float16(model, factors)
    assert model.SerializeToString() == before


def test_one_weight_off_by_a_bit_keeps_all_of_them_in_float32() -> None:
    weight = _halves(8, 64) * FACTORS[:, None]
    weight[7, 63] = np.nextafter(weight[7, 63], np.float32(9))
    model = _graph(weight=weight)
    store_as_float16(model, [FACTORS])
    assert _types(model) == {"weight": TensorProto.FLOAT}


def test_factors_are_what_folding_multiplies_by() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 1), torch.nn.BatchNorm2d(8)).eval()
    with torch.no_grad():
        network[1].running_var.uniform_(0.1, 2)
        network[1].weight.uniform_(-1, 1)
    (factors,) = norm_factors(network)
    fused = torch.nn.utils.fusion.fuse_conv_bn_eval(network[0], network[1])
    expected = fused.weight.detach() / network[0].weight.detach()
    np.testing.assert_allclose(factors, expected[:, 0, 0, 0], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rewritten", [True, False])
def test_runtimes_compute_the_same_bits_from_the_demos_graph(demo: Source, rewritten: bool) -> None:
    """Rewritten and plain: in both, hardly a weight is a float16 once norms are folded."""
    small = Source(small_spec("demo"), demo.checkpoint)
    size = Size(64, 96)
    plain = small.optimised_graph(size, "float32") if rewritten else small.plain_graph("window")
    stored = onnx.ModelProto()
    stored.CopyFrom(plain)
    store_as_float16(stored, norm_factors(small.network))
    left = [w for w in stored.graph.initializer if w.data_type == TensorProto.FLOAT]
    assert sum(int(np.prod(weight.dims)) for weight in left) < 50_000  # factors and biases
    assert stored.ByteSize() < 0.6 * plain.ByteSize()
    images = RNG.integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    for run in (_by_openvino, _by_onnxruntime):
        np.testing.assert_array_equal(run(stored, images), run(plain, images))


def _by_openvino(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[np.generic]:
    graph = openvino.Core().read_model(model.SerializeToString())
    return OpenVinoGraph(graph).run(images, "logits")


def _by_onnxruntime(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[np.generic]:
    return OnnxRuntimeGraph(model.SerializeToString()).run(images, "logits")
