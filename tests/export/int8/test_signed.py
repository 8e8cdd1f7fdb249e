import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from export.int8.signed import with_signed_activations
from ocrnet.errors import ArtefactError


def _graph(zero_point: NDArray[np.generic], scale: float) -> onnx.ModelProto:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], "/Q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], "/DQ"),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [5])],
        [
            numpy_helper.from_array(np.array(scale, np.float32), "scale"),
            numpy_helper.from_array(zero_point, "zero"),
        ],
        value_info=[
            helper.make_tensor_value_info(
                "q", helper.np_dtype_to_tensor_dtype(zero_point.dtype), [5]
            )
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def _run(model: onnx.ModelProto, values: list[float]) -> list[float]:
    onnx.checker.check_model(model, full_check=True)
    (found,) = ReferenceEvaluator(model).run(None, {"x": np.array(values, np.float32)})
    return [round(float(value), 3) for value in found]


def test_the_range_stays_in_half_the_steps() -> None:
    model = with_signed_activations(_graph(np.zeros((), np.uint8), 1 / 255))
    # 128 steps up to 1; a type read as signed, with the scale left alone, would end at 127/255.
    values = [0.0, 0.25, 0.6, 1.0, 2.0]
    assert _run(model, values) == [0.0, 0.252, 0.598, 1.0, 1.0]


def test_what_is_signed_stays_as_it_is() -> None:
    model = _graph(np.zeros((), np.int8), 1 / 127)
    assert with_signed_activations(model) == model


def test_the_graph_itself_is_left_alone() -> None:
    model = _graph(np.zeros((), np.uint8), 1 / 255)
    with_signed_activations(model)
    assert model == _graph(np.zeros((), np.uint8), 1 / 255)


def test_a_zero_point_elsewhere_is_refused() -> None:
    with pytest.raises(ArtefactError, match="/Q is asymmetric"):
        with_signed_activations(_graph(np.array(128, np.uint8), 1 / 255))
