"""The second output of graphs for whole pictures on a GPU: `labels`, uint8 (N, H, W)."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.graphs.constant_sizes import resize_scale
from ocrnet.zoo import ModelSpec, Size

# Past it TensorRT takes longer over the running maximum than over the rest of the network.
MOST_CLASSES_BY_MAXIMUM = 32


def add_labels(
    model: onnx.ModelProto, spec: ModelSpec, size: Size, *, running_maximum: bool = False
) -> None:
    """Append upsampling to `size`, argmax and a cast to uint8 behind `logits`, in place.

    Bilinear as in PyTorch, in the type that the logits have. Of classes with equal logits the first
    is the label. TensorRT casts nothing but floats to uint8 in all of its versions' documents:
    class numbers are exact in float16 up to 2048.

    running_maximum: compare the classes one by one instead of by ArgMax, with the same labels
    (docs/adr/0014). Only for logits without NaN: the label is then one of the classes, whichever.
    """
    graph = model.graph
    (logits,) = [output for output in graph.output if output.name == "logits"]
    element = logits.type.tensor_type.elem_type
    grid = spec.logits_size(size)
    scales = (1, 1, resize_scale(grid.height, size.height), resize_scale(grid.width, size.width))
    graph.initializer.append(numpy_helper.from_array(np.array(scales, np.float32), "labels/scales"))
    corners = "align_corners" if spec.align_corners else "pytorch_half_pixel"
    graph.node.append(
        helper.make_node(
            "Resize",
            ["logits", "", "labels/scales"],
            ["labels/logits"],
            "/labels/Resize",
            coordinate_transformation_mode=corners,
            mode="linear",
        )
    )
    if running_maximum:
        graph.initializer.extend(_class_numbers(spec.classes, element))
        graph.node.extend(_running_maximum(spec.classes))
    else:
        graph.node.extend(_argmax(element))
    graph.node.append(
        helper.make_node(
            "Cast", ["labels/number"], ["labels"], "/labels/Cast", to=TensorProto.UINT8
        )
    )
    graph.output.append(
        helper.make_tensor_value_info("labels", TensorProto.UINT8, ["N", size.height, size.width])
    )
    onnx.checker.check_model(model, full_check=True)


def _argmax(element: int) -> Iterator[NodeProto]:
    """`labels/logits` (N, K, H, W) → `labels/number`, (N, H, W) of the type of the logits."""
    found = "labels/index"
    yield helper.make_node(
        "ArgMax", ["labels/logits"], [found], "/labels/ArgMax", axis=1, keepdims=0
    )
    yield helper.make_node("Cast", [found], ["labels/number"], "/labels/Cast_1", to=element)


def _class_numbers(classes: int, element: int) -> Iterator[TensorProto]:
    """As the weights that `_running_maximum` reads, and how it takes the logits apart."""
    numbers = np.arange(classes, dtype=helper.tensor_dtype_to_np_dtype(element))
    for number in range(classes):
        yield numpy_helper.from_array(numbers[number : number + 1], f"labels/class_{number}")
    yield numpy_helper.from_array(np.ones(classes, np.int64), "labels/one_each")
    yield numpy_helper.from_array(np.array([1], np.int64), "labels/class_axis")


def _running_maximum(classes: int) -> Iterator[NodeProto]:
    """As `_argmax`: a class takes the place of those before it where its logit is greater."""
    logits = [f"labels/logits_{number}" for number in range(classes)]
    yield helper.make_node(
        "Split", ["labels/logits", "labels/one_each"], logits, "/labels/Split", axis=1
    )
    best, label = logits[0], "labels/class_0"
    for number in range(1, classes):
        greater, chosen = f"labels/greater_{number}", f"labels/chosen_{number}"
        yield helper.make_node(
            "Greater", [logits[number], best], [greater], f"/labels/Greater_{number}"
        )
        yield helper.make_node(
            "Where", [greater, f"labels/class_{number}", label], [chosen], f"/labels/Where_{number}"
        )
        label = chosen
        if number < classes - 1:
            maximum = f"labels/maximum_{number}"
            yield helper.make_node(
                "Max", [best, logits[number]], [maximum], f"/labels/Max_{number}"
            )
            best = maximum
    yield helper.make_node(
        "Squeeze", [label, "labels/class_axis"], ["labels/number"], "/labels/Squeeze"
    )
