"""Sizes as constants in graphs of one height and width, where the exporter computes them.

The tracer works every size out of shapes, node by node, since it knows of none whether it is free.
In a fixed graph N alone is. Two thirds of the nodes of a plain graph are such arithmetic.
"""

from collections import Counter

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_Shape = tuple[int, ...]
# Two values of N: what differs between them is free.
_BATCHES = (1, 2)
# Larger weights decide no shapes, and would be copied twice.
_LARGEST_SHAPE_INPUT = 64


def make_sizes_constant(model: onnx.ModelProto) -> None:
    """Give every Resize constant scales and every Reshape a constant shape, in place.

    model: one whose input declares height and width. N stays free. A Resize to the size that its
    input has already goes, and so do the nodes that are then read by none.
    """
    graph = model.graph
    shapes = [_shapes_with(model, batch) for batch in _BATCHES]

    def both(name: str) -> list[_Shape] | None:
        found = [known[name] for known in shapes if name in known]
        return found if len(found) == len(shapes) else None

    results = {output.name for output in graph.output}
    same: dict[str, str] = {}
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = same.get(name, name)
        before, after = both(node.input[0]) if node.input else None, both(node.output[0])
        if before is None or after is None:
            continue
        if node.op_type == "Resize":
            if before == after and node.output[0] not in results:
                same[node.output[0]] = node.input[0]
                continue
            _set_scales(graph, node, before[0], after[0])
        elif node.op_type == "Reshape":
            _set_shape(graph, node, before, after)
    _remove_unread(graph)
    onnx.checker.check_model(model, full_check=True)


def computes_sizes(model: onnx.ModelProto) -> bool:
    """Whether some of a graph's nodes work with shapes."""
    return any(node.op_type == "Shape" for node in model.graph.node)


def resize_scale(size: int, resized: int) -> np.float32:
    """Return the smallest float32 that is not below resized / size.

    The scale of a Resize that must give `resized`: runtimes take the floor of size · scale, which a
    scale that was rounded down puts one below. Where a position is derived from the scale it is off
    by a float32 rounding at the most, as it is in PyTorch, which rounds the inverse.
    """
    scale = np.float32(resized / size)
    # Exact in float64: 24 bits times a size.
    return scale if float(scale) * size >= resized else np.nextafter(scale, np.float32(np.inf))


def _set_scales(
    graph: onnx.GraphProto, node: onnx.NodeProto, before: _Shape, after: _Shape
) -> None:
    scales = [resize_scale(size, resized) for size, resized in zip(before, after, strict=True)]
    name = _add_constant(graph, f"{node.name}/scales", np.array(scales, np.float32))
    image = node.input[0]
    del node.input[:]
    node.input.extend([image, "", name])  # no region of interest


def _set_shape(
    graph: onnx.GraphProto, node: onnx.NodeProto, before: list[_Shape], after: list[_Shape]
) -> None:
    """Leave the node as it is where more than one dimension depends on N."""
    free = [axis for axis, lengths in enumerate(zip(*after, strict=True)) if len(set(lengths)) > 1]
    if len(free) > 1 or 0 in after[0]:
        return
    shape = np.array(after[0], np.int64)
    for axis in free:
        as_before = all(
            axis < len(one) and one[axis] == other[axis]
            for one, other in zip(before, after, strict=True)
        )
        shape[axis] = 0 if as_before else -1  # as in the input; whatever is left
    for attribute in node.attribute:
        attribute.i = 0  # `allowzero`, the only one: a zero would be a length of zero
    node.input[1] = _add_constant(graph, f"{node.name}/shape", shape)


def _add_constant(
    graph: onnx.GraphProto, name: str, values: NDArray[np.float32] | NDArray[np.int64]
) -> str:
    graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _shapes_with(model: onnx.ModelProto, batch: int) -> dict[str, _Shape]:
    """Return the shapes of all tensors that are known once N is, by ONNX's own inference."""
    graph = model.graph
    image = onnx.ValueInfoProto()
    image.CopyFrom(graph.input[0])
    image.type.tensor_type.shape.dim[0].dim_value = batch
    small: list[onnx.TensorProto] = []
    large: list[onnx.TensorProto] = []
    for weight in graph.initializer:
        (small if np.prod(weight.dims) <= _LARGEST_SHAPE_INPUT else large).append(weight)
    inputs = [image, *(_declared(weight) for weight in large)]
    outputs = [helper.make_empty_tensor_value_info(output.name) for output in graph.output]
    skeleton = helper.make_model(
        helper.make_graph(list(graph.node), "sizes", inputs, outputs, small),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    inferred = onnx.shape_inference.infer_shapes(skeleton, strict_mode=True, data_prop=True)
    found = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims):
            found[value.name] = tuple(dim.dim_value for dim in dims)
    return found


def _declared(weight: onnx.TensorProto) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(weight.name, weight.data_type, list(weight.dims))


def _remove_unread(graph: onnx.GraphProto) -> None:
    """Remove nodes, then weights, that nothing reads."""
    readers = Counter(name for node in graph.node for name in node.input if name)
    readers.update(output.name for output in graph.output)
    kept = []
    for node in reversed(graph.node):
        if any(readers[name] for name in node.output):
            kept.append(node)
        else:
            readers.subtract(name for name in node.input if name)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [weight for weight in graph.initializer if readers[weight.name]]
    del graph.initializer[:]
    graph.initializer.extend(weights)
