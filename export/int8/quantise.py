"""From a float graph to INT8 by NNCF: for OpenVINO on CPUs, or as Q/DQ nodes in ONNX for TensorRT.

Post-training: ranges of activations are collected on pictures, weights are quantised per channel,
and biases corrected for the mean error that is left (docs/adr/0006).
"""

import logging
import sys
from collections.abc import Collection, Sequence
from contextlib import redirect_stdout
from typing import TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graphs.constant_sizes import make_sizes_constant
from export.int8.idle_resizes import remove_idle_resizes
from export.int8.layer_groups import computed_nodes, nodes_by_layer_group
from export.int8.signed import with_signed_activations
from export.int8.transplant import transplant
from ocrnet.without_telemetry import import_module, nncf, openvino

_passes = import_module("openvino.passes")

_Model = TypeVar("_Model", openvino.Model, onnx.ModelProto)


def to_openvino(
    model: onnx.ModelProto,
    pictures: Sequence[NDArray[np.uint8]],
    kept_in_float: Collection[str],
    *,
    rewritten: onnx.ModelProto | None = None,
) -> openvino.Model:
    """Quantise for CPUs.

    model: of trace_graph with its batch norms folded; left as it is. pictures: each uint8
    (1, H, W, 3), of any size. kept_in_float: layer groups that are not quantised.
    rewritten: where the model is rewritten for one size, the same for the size of the pictures; the
    result then takes one picture at a time. Raises ArtefactError for a graph of another exporter.
    """
    if rewritten is not None:
        small = _read(_one_picture(rewritten))
        result = transplant(
            _to_openvino(_read(_one_picture(rewritten)), pictures, kept_in_float),
            small,
            _read(_one_picture(model)),
        )
    else:
        result = _to_openvino(_read(_of_any_size(model)), pictures, kept_in_float)
        dims = model.graph.input[0].type.tensor_type.shape.dim
        result.reshape(openvino.PartialShape([dim.dim_value or -1 for dim in dims]))
    remove_idle_resizes(result)
    return result


def _read(model: onnx.ModelProto) -> openvino.Model:
    graph = openvino.Core().read_model(model.SerializeToString())
    # The importer leaves biases behind operations on shapes: NNCF would not find, nor correct them.
    folding = _passes.Manager()
    folding.register_pass(_passes.ConstantFolding())
    folding.run_passes(graph)
    return graph


def _to_openvino(
    graph: openvino.Model, pictures: Sequence[NDArray[np.uint8]], kept_in_float: Collection[str]
) -> openvino.Model:
    computed = [op for op in graph.get_ops() if op.get_type_name() != "Constant"]
    names = [op.get_friendly_name() for op in computed]
    return _quantise(
        graph,
        pictures,
        # What the importer adds of its own has a name without a slash.
        _scope([name for name in names if name.startswith("/")], kept_in_float),
        # Weights take 7 bits: where a CPU lacks VNNI, two products of 8 bits overflow 16.
        nncf.OverflowFix.ENABLE,
    )


def to_qdq(
    model: onnx.ModelProto, pictures: Sequence[NDArray[np.uint8]], kept_in_float: Collection[str]
) -> onnx.ModelProto:
    """Quantise as Q/DQ nodes, symmetric and signed, as TensorRT needs them.

    Arguments and errors as of `to_openvino`.
    """
    scope = _scope(computed_nodes(model), kept_in_float)
    result = _quantise(_of_any_size(model), pictures, scope, nncf.OverflowFix.DISABLE)
    result = with_signed_activations(result)
    for ports, those_of_model in (
        (result.graph.input, model.graph.input),
        (result.graph.output, model.graph.output),
    ):
        ports[0].CopyFrom(those_of_model[0])
    if _declares_a_size(model):
        make_sizes_constant(result)
    onnx.checker.check_model(result, full_check=True)
    return result


def _declares_a_size(model: onnx.ModelProto) -> bool:
    _, height, width, _ = model.graph.input[0].type.tensor_type.shape.dim
    return bool(height.HasField("dim_value") and width.HasField("dim_value"))


def _one_picture(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy for one picture: its shapes then fold into constants."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for port in (result.graph.input[0], result.graph.output[0]):
        port.type.tensor_type.shape.dim[0].dim_value = 1
    return result


def _of_any_size(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose picture may have any size: the nodes of a fixed graph do not know it."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.value_info[:]
    for port, names in ((result.graph.input[0], "NHW"), (result.graph.output[0], "N_hw")):
        for dim, name in zip(port.type.tensor_type.shape.dim, names, strict=False):
            if name != "_":
                dim.dim_param = name
    return result


def _scope(names: Sequence[str], kept_in_float: Collection[str]) -> nncf.IgnoredScope:
    groups = nodes_by_layer_group(names)
    ignored = [name for group in kept_in_float for name in groups.get(group, [])]
    # Not validated: folded constants have names here and are no nodes to NNCF.
    return nncf.IgnoredScope(names=ignored, validate=False)


def _quantise(
    graph: _Model,
    pictures: Sequence[NDArray[np.uint8]],
    ignored: nncf.IgnoredScope,
    overflow_fix: nncf.OverflowFix,
) -> _Model:
    nncf.set_log_level(logging.WARNING)
    with redirect_stdout(sys.stderr):  # its progress bars are no results
        quantised: _Model = nncf.quantize(
            graph,
            nncf.Dataset(pictures, lambda picture: {"image": picture}),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(pictures),
            ignored_scope=ignored,
            advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=overflow_fix),
        )
    return quantised
