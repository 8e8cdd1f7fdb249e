"""A float32 graph made float16, but for the islands that need more.

Types stand in the graph itself: TensorRT 11 has no flag for them any more, and strongly typed
networks of TensorRT 10 and 11 follow them.
"""

from typing import cast

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from ocrnet.errors import ArtefactError
from ocrnet.without_telemetry import import_module

_float16 = import_module("onnxruntime.transformers.float16")
_onnx_model = import_module("onnxruntime.transformers.onnx_model")

# The mean is rounded by up to 0.03 grey levels in float16, so normalisation stays outside.
NORMALISATION = ("/Cast", "/Transpose", "/Sub", "/Div")
# A softmax over H·W positions: its weights are about 1/(H·W), below float16's smallest normal
# number from 128×128 positions on, and the product sums as many of them.
GATHER = ("/decode_head.1/Softmax", "/decode_head.1/MatMul")
ISLANDS = (*NORMALISATION, *GATHER)


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with float16 tensors and outputs, `ISLANDS` in float32 with Casts around.

    model: a graph of export_graph with its batch norms folded; it is left as it is. Raises
    ArtefactError if an island is not found or a weight is past float16's range.
    """
    names = {node.name for node in model.graph.node}
    missing = [name for name in ISLANDS if name not in names]
    if missing:
        raise ArtefactError(f"the graph has no {', '.join(missing)}: it is not of this exporter")
    _check_range(model)
    fp16 = onnx.ModelProto()
    fp16.CopyFrom(model)
    kept = [*ISLANDS, *_constants_of(model, ISLANDS)]
    fp16 = cast("onnx.ModelProto", _float16.convert_float_to_float16(fp16, node_block_list=kept))
    _join_islands(fp16)
    # The converter appends its Casts at the end.
    _onnx_model.OnnxModel.graph_topological_sort(fp16.graph)
    onnx.checker.check_model(fp16, full_check=True)
    return fp16


def _constants_of(model: onnx.ModelProto, nodes: tuple[str, ...]) -> list[str]:
    """Names of the Constant nodes that feed these: the converter would round them, too."""
    read = {name for node in model.graph.node if node.name in nodes for name in node.input}
    constants = (node for node in model.graph.node if node.op_type == "Constant")
    return [node.name for node in constants if read & set(node.output)]


def _join_islands(fp16: onnx.ModelProto) -> None:
    """Take out the Casts to float16 and back that the converter puts between two island nodes."""
    graph = fp16.graph
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast"}
    for node in graph.node:
        for position, name in enumerate(node.input):
            back = casts.get(name)
            there = casts.get(back.input[0]) if back else None
            if (
                back
                and there
                and (_to(there), _to(back)) == (TensorProto.FLOAT16, TensorProto.FLOAT)
            ):
                node.input[position] = there.input[0]
    while unread := _unread_casts(graph):
        for node in unread:
            graph.node.remove(node)


def _to(cast_node: onnx.NodeProto) -> int:
    return int(next(attribute.i for attribute in cast_node.attribute if attribute.name == "to"))


def _unread_casts(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    read = {name for node in graph.node for name in node.input}
    read |= {output.name for output in graph.output}
    return [node for node in graph.node if node.op_type == "Cast" and node.output[0] not in read]


def _check_range(model: onnx.ModelProto) -> None:
    largest = float(np.finfo(np.float16).max)
    for weight in model.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue
        value = float(np.abs(numpy_helper.to_array(weight)).max(initial=0.0))
        if not value <= largest:
            raise ArtefactError(
                f"weight {weight.name} holds {value:.3g}, float16 ends at {largest:.0f}: "
                "build this model in float32"
            )
