"""What a float16 graph computes on a GPU, as far as a CPU can show it.

CPUs have no float16 arithmetic to speak of: ONNX Runtime and OpenVINO compute such a graph in
float32 and need not round what lies between two nodes, so that it may look better than it is. Here
each node computes in float32, as tensor cores accumulate, and what it hands on is rounded to
float16 by a pair of Casts. TensorRT rounds less often, since it fuses nodes.
"""

import onnx
from onnx import TensorProto, helper, numpy_helper

_FP16, _FLOAT = TensorProto.FLOAT16, TensorProto.FLOAT


def with_visible_rounding(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a float32 graph whose tensors take the values that float16 leaves them.

    model: of `to_fp16`; left as it is. Outputs are float32.
    """
    inferred = onnx.shape_inference.infer_shapes(model)
    halves = {
        value.name
        for value in (*inferred.graph.value_info, *inferred.graph.output)
        if value.type.tensor_type.elem_type == _FP16
    }
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    del graph.value_info[:]
    for weight in graph.initializer:
        if weight.data_type == _FP16:
            wide = numpy_helper.to_array(weight).astype("float32")
            weight.CopyFrom(numpy_helper.from_array(wide, weight.name))
    for output in graph.output:
        if output.type.tensor_type.elem_type == _FP16:
            output.type.tensor_type.elem_type = _FLOAT
    nodes = []
    for node in graph.node:
        _widen_constant(node)
        if node.op_type == "Cast":
            (to,) = (attribute for attribute in node.attribute if attribute.name == "to")
            to.i = _FLOAT if to.i == _FP16 else to.i
        rounded = [name for name in node.output if name in halves]
        for name in rounded:
            node.output[list(node.output).index(name)] = f"{name}/exact"
        nodes.append(node)
        for name in rounded:
            nodes.append(
                helper.make_node(
                    "Cast", [f"{name}/exact"], [f"{name}/half"], f"{name}/round", to=_FP16
                )
            )
            nodes.append(
                helper.make_node("Cast", [f"{name}/half"], [name], f"{name}/widen", to=_FLOAT)
            )
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.graph.CopyFrom(graph)
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    onnx.checker.check_model(result, full_check=True)
    return result


def _widen_constant(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.name == "value" and attribute.t.data_type == _FP16:
            wide = numpy_helper.to_array(attribute.t).astype("float32")
            attribute.t.CopyFrom(numpy_helper.from_array(wide, attribute.t.name))
