"""A float32 graph made float16, but for the islands that need more.

Types stand in the graph itself: TensorRT 11 has no flag for them any more, and strongly typed
networks of TensorRT 10 and 11 follow them.
"""

from typing import cast

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from ocrnet.errors import ArtefactError

# The mean is rounded by up to 0.03 grey levels in float16, so normalisation stays outside.
NORMALISATION = ("/Cast", "/Transpose", "/Sub", "/Div")
# A softmax over H·W positions: its weights are about 1/(H·W), below float16's smallest normal
# number from 128×128 positions on, and the product sums as many of them.
GATHER = ("/decode_head.1/Softmax", "/decode_head.1/MatMul")
ISLANDS = (*NORMALISATION, *GATHER)


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with float16 tensors and outputs, `ISLANDS` in float32 with Casts around.

    model: a graph of export_graph with its batch norms folded; it is left as it is. Raises
    ArtefactError if an island is not found or a weight is past float16's range.
    """
    names = {node.name for node in model.graph.node}
    missing = [name for name in ISLANDS if name not in names]
    if missing:
        raise ArtefactError(f"the graph has no {', '.join(missing)}: it is not of this exporter")
    _check_range(model)
    half = onnx.ModelProto()
    half.CopyFrom(model)
    half = cast("onnx.ModelProto", convert_float_to_float16(half, node_block_list=list(ISLANDS)))
    # The converter appends its Casts at the end.
    OnnxModel.graph_topological_sort(half.graph)
    onnx.checker.check_model(half, full_check=True)
    return half


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
