"""The second output of graphs for whole pictures on a GPU: `labels`, uint8 (N, H, W)."""

import numpy as np
import onnx
import onnx.parser
from onnx import TensorProto, numpy_helper

from export.graphs.constant_sizes import resize_scale
from ocrnet.zoo import ModelSpec, Size

_LABELS = """
labels_of_logits ({element}[N, K, h, w] logits) => (uint8[N, {height}, {width}] labels)
{{
    ["/labels/Resize"] "labels/logits" =
        Resize <coordinate_transformation_mode = "{corners}", mode = "linear">
        (logits, "", "labels/scales")
    ["/labels/ArgMax"] "labels/index" = ArgMax <axis = 1, keepdims = 0> ("labels/logits")
    ["/labels/Cast"] "labels/float" = Cast <to = {type}> ("labels/index")
    ["/labels/Cast_1"] labels = Cast <to = {uint8}> ("labels/float")
}}
"""


def add_labels(model: onnx.ModelProto, spec: ModelSpec, size: Size) -> None:
    """Append upsampling to `size`, argmax and a cast to uint8 behind `logits`, in place.

    Bilinear as in PyTorch, in the type that the logits have. TensorRT casts nothing but floats to
    uint8 in all of its versions' documents: class numbers are exact in float16 up to 2048.
    """
    graph = model.graph
    (logits,) = [output for output in graph.output if output.name == "logits"]
    element = logits.type.tensor_type.elem_type
    labels = onnx.parser.parse_graph(
        _LABELS.format(
            height=size.height,
            width=size.width,
            corners="align_corners" if spec.align_corners else "pytorch_half_pixel",
            element=TensorProto.DataType.Name(element).lower(),
            type=element,
            uint8=TensorProto.UINT8,
        )
    )
    grid = spec.logits_size(size)
    scales = (1, 1, resize_scale(grid.height, size.height), resize_scale(grid.width, size.width))
    graph.initializer.append(numpy_helper.from_array(np.array(scales, np.float32), "labels/scales"))
    for node in labels.node:
        node.ClearField("domain")  # as PyTorch's exporter leaves it
    graph.node.extend(labels.node)
    graph.output.extend(labels.output)
    onnx.checker.check_model(model, full_check=True)
