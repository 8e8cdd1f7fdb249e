"""Labels that agree with the logits: found in float32, and refused where these are not finite.

Interpolated in float16, logits that differ by less than a thousandth become equal, and the first of
their classes wins: a pixel of ten thousand changes on the borders between classes, and more where
logits are as close together as those of random weights. And where a graph overflows, an engine that
is asked for logits hands out NaN and infinity, which are refused; labels of such logits would look
like any others.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

# No class of any model: labels are uint8, and the gateway refuses it.
NOT_FINITE = 255
_LOGITS = "labels/float32"


def make_labels_exact(model: onnx.ModelProto) -> None:
    """Let `labels` be found in float32, and be 255 for an image with logits not finite, in place.

    model: with the `labels` of `add_labels`, cast from class numbers in the type of the logits.
    """
    graph = model.graph
    (output,) = [output for output in graph.output if output.name == "logits"]
    (resize,) = [node for node in graph.node if node.name == "/labels/Resize"]
    (last,) = [node for node in graph.node if "labels" in node.output]
    element = output.type.tensor_type.elem_type
    place = list(graph.node).index(resize)
    resize.input[0] = _LOGITS
    widen = helper.make_node(
        "Cast", ["logits"], [_LOGITS], "/labels/float32/Cast", to=TensorProto.FLOAT
    )
    marks = _mark_not_finite(last.input[0])
    last.input[0] = marks[-1].output[0]
    nodes = list(graph.node)
    nodes[place:place] = [widen]
    end = nodes.index(last)
    nodes[end:end] = marks
    del graph.node[:]
    graph.node.extend(nodes)
    constants: dict[str, NDArray[np.generic]] = {
        "labels/finite/axes": np.array([1, 2, 3], np.int64),
        "labels/finite/axis": np.array([1], np.int64),
        "labels/finite/limit": np.array(3e38, np.float32),
        "labels/finite/mark": np.array(NOT_FINITE, helper.tensor_dtype_to_np_dtype(element)),
    }
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    onnx.checker.check_model(model, full_check=True)


def _mark_not_finite(classes: str) -> list[onnx.NodeProto]:
    """Nodes from class numbers (N, H, W) to the same, or to the mark for each image to be refused.

    A sum is NaN or infinite as soon as one value is, a largest value need not be; and where they
    are compared, the result is false.
    """
    steps: tuple[tuple[str, list[str], str, dict[str, Any]], ...] = (
        ("Abs", [_LOGITS], "magnitudes", {}),
        # Its axes are an input in all operator sets that graphs for GPUs are written in.
        ("ReduceSum", ["magnitudes", "axes"], "sums", {"keepdims": 1}),
        ("Squeeze", ["sums", "axis"], "sum", {}),
        ("Less", ["sum", "limit"], "is_finite", {}),
        ("Where", ["is_finite", classes, "mark"], "numbers", {}),
    )
    known = (_LOGITS, classes)
    return [
        helper.make_node(
            kind,
            [name if name in known else f"labels/finite/{name}" for name in inputs],
            [f"labels/finite/{result}"],
            f"/labels/finite/{kind}",
            **attributes,
        )
        for kind, inputs, result, attributes in steps
    ]
