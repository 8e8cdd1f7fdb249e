"""Plans of a graph of one node, by TensorRT-RTX: ahead of time, without a GPU, in milliseconds."""

from collections.abc import Callable
from types import ModuleType

import pytest
from onnx import TensorProto, helper

from export.tensorrt.api import load_tensorrt
from export.tensorrt.plan_builder import BuildOptions, Plan, build_plan
from export.tensorrt.profiles import ShapeRange

Build = Callable[[ModuleType, BuildOptions], Plan]
_SHAPES = ShapeRange((1, 4, 6, 3), (8, 4, 6, 3), (8, 4, 6, 3))


@pytest.fixture
def rtx() -> ModuleType:
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    return load_tensorrt("tensorrt_rtx")


@pytest.fixture
def build() -> Build:
    """Build it with a module and options."""
    return _build


def _build(trt: ModuleType, options: BuildOptions) -> Plan:
    nodes = [helper.make_node("Cast", ["image"], ["logits"], "/Cast", to=TensorProto.FLOAT)]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 4, 6, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4, 6, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return build_plan(trt, model, _SHAPES, options)
