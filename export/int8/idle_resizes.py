"""Resizes to the size that is there already, out of OpenVINO's graphs.

HRNet's fuse layers resize twice, and at sizes that divide by 32 the second time changes nothing.
Float graphs have lost them before OpenVINO reads them (export/graphs/constant_sizes.py); graphs for
INT8 have not, and OpenVINO runs them.
"""

from ocrnet.without_telemetry import openvino


def remove_idle_resizes(model: openvino.Model) -> None:
    """Let what reads a resized tensor read the tensor itself where both have one size, in place."""
    for operation in model.get_ops():
        if operation.get_type_name() != "Interpolate":
            continue
        before, after = operation.input_value(0), operation.output(0)
        sides = [list(port.get_partial_shape())[2:] for port in (before, after)]
        if sides[0] == sides[1] and all(side.is_static for side in sides[0]):
            after.replace(before)
    model.validate_nodes_and_infer_types()
