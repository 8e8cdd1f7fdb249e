"""An INT8 graph of one size from that of another: the same network, rewritten for each size.

Rewriting puts the picture's size into constants: shapes, and the matrices that enlarge. All else,
ranges and corrected biases included, is the network's own. So what was quantised at a size that
calibration can afford becomes the graph of another size by taking those constants from there.
"""

import numpy as np

from ocrnet.errors import ArtefactError
from ocrnet.without_telemetry import openvino


def transplant(
    quantised: openvino.Model, small: openvino.Model, large: openvino.Model
) -> openvino.Model:
    """Change `quantised`, made from `small`, into what would have been made from `large`.

    small, large: not quantised, their shapes folded into constants. Raises ArtefactError where they
    are not one network.
    """
    before, after = _constants(small), _constants(large)
    if before.keys() != after.keys():
        raise ArtefactError(f"the graphs differ: {sorted(before.keys() ^ after.keys())[:3]}")
    changed = {place for place, found in before.items() if not _equal(found, after[place])}
    there = _constants(quantised)
    if lost := changed - there.keys():
        raise ArtefactError(f"quantising has lost constants of the size: {sorted(lost)[:3]}")
    operations = {op.get_friendly_name(): op for op in quantised.get_ops()}
    for name, index in changed:
        constant = openvino.opset13.constant(np.array(after[name, index].data))
        operations[name].input(index).replace_source_output(constant.output(0))
    shape = large.input("image").partial_shape
    quantised.get_parameters()[0].set_partial_shape(shape)
    quantised.validate_nodes_and_infer_types()
    expected, found = large.output(0).partial_shape, quantised.output(0).partial_shape
    if found != expected:
        raise ArtefactError(f"the graph gives logits of {found}, not {expected}")
    return quantised


def _constants(model: openvino.Model) -> dict[tuple[str, int], openvino.Node]:
    """By what they go into: the exporter's name of an operation, and which of its inputs.

    Names of their own differ from one import to the next, and which are shared from size to size.
    """
    found = {}
    for operation in model.get_ops():
        if operation.get_type_name() == "Constant":
            for port in operation.output(0).get_target_inputs():
                found[port.get_node().get_friendly_name(), port.get_index()] = operation
    return found


def _equal(one: openvino.Node, other: openvino.Node) -> bool:
    return list(one.shape) == list(other.shape) and bool(np.array_equal(one.data, other.data))
