"""Activations of Q/DQ graphs in signed 8 bits, which is all that TensorRT has.

Behind a ReLU, NNCF quantises to 0 … 255. TensorRT's parser takes such a graph, but reads the type
as signed, the scale as it is, and warns: all that is past half of the range is cut off.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from ocrnet.errors import ArtefactError


def with_signed_activations(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with each 0 … 255 made −128 … 127 over the same range of values.

    So scales grow by 255/127. Raises ArtefactError for a zero point other than 0.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    tensors = {tensor.name: tensor for tensor in result.graph.initializer}
    unsigned: dict[str, str] = {}  # scale by zero point; a node and its inverse share both
    retyped: set[str] = set()
    for node in result.graph.node:
        if node.op_type != "QuantizeLinear":
            continue
        zero_point = numpy_helper.to_array(tensors[node.input[2]])
        if zero_point.any():
            raise ArtefactError(f"{node.name} is asymmetric: TensorRT has no zero point but 0")
        if zero_point.dtype == np.uint8:
            unsigned[node.input[2]] = node.input[1]
            retyped |= {node.input[2], node.output[0]}
    for name, scale in unsigned.items():
        zero = numpy_helper.to_array(tensors[name]).astype(np.int8)
        tensors[name].CopyFrom(numpy_helper.from_array(zero, name))
        wider = numpy_helper.to_array(tensors[scale]) * np.float32(255 / 127)
        tensors[scale].CopyFrom(numpy_helper.from_array(wider, scale))
    for value in result.graph.value_info:
        if value.name in retyped:
            value.type.tensor_type.elem_type = onnx.TensorProto.INT8
    return result
