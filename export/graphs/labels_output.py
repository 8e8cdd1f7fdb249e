"""The second output of graphs for whole pictures on a GPU: `labels`, uint8 (N, H, W)."""

import onnx
from onnx import TensorProto, helper

from ocrnet.zoo import ModelSpec, Size


def add_labels(model: onnx.ModelProto, spec: ModelSpec, size: Size) -> None:
    """Append upsampling to `size`, argmax and a cast to uint8 behind `logits`, in place.

    Bilinear as in PyTorch, in the type that the logits have. TensorRT casts nothing but floats to
    uint8 in all of its versions' documents: class numbers are exact in float16 up to 2048.
    """
    graph = model.graph
    (logits,) = [output for output in graph.output if output.name == "logits"]
    element = logits.type.tensor_type.elem_type
    graph.initializer.append(
        helper.make_tensor("labels/size", TensorProto.INT64, [2], [size.height, size.width])
    )
    graph.initializer.append(helper.make_tensor("labels/first", TensorProto.INT64, [1], [0]))
    graph.initializer.append(helper.make_tensor("labels/second", TensorProto.INT64, [1], [2]))
    corners = "align_corners" if spec.align_corners else "pytorch_half_pixel"
    graph.node.extend(
        [
            helper.make_node("Shape", ["logits"], ["labels/shape"], "/labels/Shape"),
            helper.make_node(
                "Slice",
                ["labels/shape", "labels/first", "labels/second"],
                ["labels/batch_and_classes"],
                "/labels/Slice",
            ),
            helper.make_node(
                "Concat",
                ["labels/batch_and_classes", "labels/size"],
                ["labels/sizes"],
                "/labels/Concat",
                axis=0,
            ),
            helper.make_node(
                "Resize",
                ["logits", "", "", "labels/sizes"],
                ["labels/logits"],
                "/labels/Resize",
                mode="linear",
                coordinate_transformation_mode=corners,
            ),
            helper.make_node(
                "ArgMax", ["labels/logits"], ["labels/index"], "/labels/ArgMax", axis=1, keepdims=0
            ),
            helper.make_node(
                "Cast", ["labels/index"], ["labels/float"], "/labels/Cast", to=element
            ),
            helper.make_node(
                "Cast", ["labels/float"], ["labels"], "/labels/Cast_1", to=TensorProto.UINT8
            ),
        ]
    )
    graph.output.append(
        helper.make_tensor_value_info("labels", TensorProto.UINT8, ["N", size.height, size.width])
    )
    onnx.checker.check_model(model, full_check=True)
