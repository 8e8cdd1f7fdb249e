from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.graphs.source import DEMO_WEIGHTS, Source
from export.int8.calibration import CalibrationImages, synthetic_pictures
from ocrnet.zoo import Size, get_spec


@pytest.fixture(scope="session")
def demo() -> Source:
    return Source(get_spec("demo"), str(DEMO_WEIGHTS))


@pytest.fixture(scope="session")
def graph(demo: Source) -> onnx.ModelProto:
    """The demo's plain graph of any size."""
    return demo.plain_graph("dynamic")


@pytest.fixture(scope="session")
def pictures() -> CalibrationImages:
    """Small: what is tested is how graphs are made, not how good they can be."""
    return synthetic_pictures(get_spec("demo"), Size(128, 256), 4)


@pytest.fixture(scope="session")
def toy() -> onnx.ModelProto:
    """A graph with one node of each part, all but the last times 1: 3 grey levels to 19 classes.

    The weight of a part has its name.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "/Cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], "/Transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["planes", "normalisation"], ["x0"], "/Sub"),
    ]
    weights = {"normalisation": np.full((1, 3, 1, 1), 128, np.float32)}
    for part, name in _ONE_NODE_OF_EACH.items():
        weights[part] = np.ones((1, 3, 1, 1), np.float32)
        number = len(nodes)
        nodes.append(helper.make_node("Mul", [nodes[-1].output[0], part], [f"x{number}"], name))
    rng = np.random.default_rng(0)
    weights["classifier"] = rng.normal(size=(19, 3, 1, 1)).astype(np.float32)
    weights["bias"] = np.zeros(19, np.float32)
    last = [nodes[-1].output[0], "classifier", "bias"]
    nodes.append(helper.make_node("Conv", last, ["logits"], "/decode_head.1/conv_seg/Conv"))
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 19, "h", "w"])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


_ONE_NODE_OF_EACH = {
    "stem": "/backbone/conv1/Conv",
    "stage 1": "/backbone/layer1/layer1.0/conv1/Conv",
    "stage 2": "/backbone/stage2/stage2.0/branches.0/branches.0.0/conv1/Conv",
    "stage 3": "/backbone/transition2.2/transition2.2.0/transition2.2.0.0/Conv",
    "stage 4": "/backbone/stage4/stage4.1/relu_2/Relu",
    "enlarged branches": "/Resize_1",
    "auxiliary head": "/decode_head.0/convs/convs.0/conv/Conv",
    "auxiliary classifier": "/decode_head.0/conv_seg/Conv",
    "bottleneck": "/decode_head.1/bottleneck/conv/Conv",
    "spatial gather": "/decode_head.1/Softmax",
    "fusion": "/decode_head.1/object_context_block/bottleneck/conv/Conv",
    "object attention": "/decode_head.1/object_context_block/MatMul_1",
}


@pytest.fixture(scope="session")
def scaled() -> Callable[[onnx.ModelProto, str, object], onnx.ModelProto]:
    """A copy with one weight times a factor (or factors by class or channel)."""

    def scaled(model: onnx.ModelProto, name: str, factor: object) -> onnx.ModelProto:
        result = onnx.ModelProto()
        result.CopyFrom(model)
        (weight,) = [weight for weight in result.graph.initializer if weight.name == name]
        values = numpy_helper.to_array(weight) * np.asarray(factor, np.float32)
        weight.CopyFrom(numpy_helper.from_array(values, name))
        return result

    return scaled
