"""The second output of graphs for whole pictures on a GPU: `labels`, uint8 (N, H, W)."""

import onnx
import onnx.parser
from onnx import TensorProto

from ocrnet.zoo import ModelSpec, Size

_LABELS = """
labels_of_logits ({element}[N, K, h, w] logits) => (uint8[N, {height}, {width}] labels)
<
    int64[2] "labels/size" = {{{height}, {width}}},
    int64[1] "labels/first" = {{0}},
    int64[1] "labels/second" = {{2}}
>
{{
    ["/labels/Shape"] "labels/shape" = Shape (logits)
    ["/labels/Slice"] "labels/batch_and_classes" =
        Slice ("labels/shape", "labels/first", "labels/second")
    ["/labels/Concat"] "labels/sizes" =
        Concat <axis = 0> ("labels/batch_and_classes", "labels/size")
    ["/labels/Resize"] "labels/logits" =
        Resize <coordinate_transformation_mode = "{corners}", mode = "linear">
        (logits, "", "", "labels/sizes")
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
    for node in labels.node:
        node.ClearField("domain")  # as PyTorch's exporter leaves it
    graph.initializer.extend(labels.initializer)
    graph.node.extend(labels.node)
    graph.output.extend(labels.output)
    onnx.checker.check_model(model, full_check=True)
