"""From a network to ONNX graphs: uint8 NHWC in, `logits` out, every node named.

The tracer-based exporter is used; docs/adr/0002 says why.
"""

import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch

from export.graphs.constant_sizes import make_sizes_constant
from export.graphs.float16_storage import store_as_float16
from ocrnet.artefacts import Kind
from ocrnet.zoo import ModelSpec, Size

OPSET = 17
# Any size will do; what is compared with PyTorch has other ones (export/evaluation/parity.py).
_TRACED = Size(160, 224)


def fixed_size(spec: ModelSpec, kind: Kind) -> Size | None:
    """The size of a model's graph of that kind; None: any. Raises ValueError if it has none."""
    if kind == "dynamic":
        return None
    size = spec.crop if kind == "window" else spec.whole
    if size is None:
        raise ValueError(f"{spec.name} has no {kind} graph: {spec.dataset} pictures vary in size")
    return size


def export_graph(
    network: torch.nn.Module, size: Size | None, *, fp16_weights: bool = False
) -> onnx.ModelProto:
    """Return an OCRNet, or one rewritten for that size, as an ONNX graph for any N.

    As `trace_graph`, but the graph of one size has constants where the exporter computes sizes.
    """
    model = trace_graph(network, size, fp16_weights=fp16_weights)
    if size:
        make_sizes_constant(model)
    return model


def trace_graph(
    network: torch.nn.Module, size: Size | None, *, fp16_weights: bool = False
) -> onnx.ModelProto:
    """Return an OCRNet, or one rewritten for that size, as the exporter writes it, for any N.

    size: the one size that it takes; None: any. The shapes that the graph declares are those of the
    trace: the exporter itself gives up on a shape behind a Reshape, and a runtime that compares
    shapes (Triton's) then refuses the graph. All other sizes are computed from the image's, so that
    the nodes of a network that is not rewritten hold for images of any size.

    fp16_weights: store weights as float16 with a Cast behind each; the batch norms are then
    left as they are, since folding them would round the weights a second time.
    """
    traced = size or _TRACED
    image = torch.zeros(1, traced.height, traced.width, 3, dtype=torch.uint8)
    free = {0: "N"} if size else {0: "N", 1: "H", 2: "W"}
    free_out = {0: "N"} if size else {0: "N", 2: "h", 3: "w"}
    training = torch.onnx.TrainingMode
    outputs: list[torch.Tensor] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.no_grad(),  # else all that the trace computes stays in memory until its end
        network.register_forward_hook(lambda _, __, logits: outputs.append(logits)),
        warnings.catch_warnings(),
    ):
        path = Path(folder) / "model.onnx"
        # Deprecated by PyTorch in favour of an exporter that is ten times slower.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (image,),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": free, "logits": free_out},
            opset_version=OPSET,
            dynamo=False,
            training=training.PRESERVE if fp16_weights else training.EVAL,
            do_constant_folding=not fp16_weights,
        )
        model = onnx.load(path)
    _declare(model.graph.output[0], outputs[0].shape, free_out)
    _share(model)
    if fp16_weights:
        store_as_float16(model)
    _name_nodes(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def _declare(output: onnx.ValueInfoProto, shape: Sequence[int], free: dict[int, str]) -> None:
    """Let an output declare its shape: numbers, and a name for each dimension that is free."""
    declared = output.type.tensor_type.shape
    del declared.dim[:]
    for index, length in enumerate(shape):
        if index in free:
            declared.dim.add(dim_param=free[index])
        else:
            declared.dim.add(dim_value=length)


def _share(model: onnx.ModelProto) -> None:
    """Let all that use a weight name it: of equal ones the exporter keeps one, and copies it."""
    weights = {weight.name for weight in model.graph.initializer}
    nodes = list(model.graph.node)
    copies = {
        node.output[0]: node.input[0]
        for node in nodes
        if node.op_type == "Identity" and node.input[0] in weights
    }
    del model.graph.node[:]
    for node in nodes:
        if node.output[0] not in copies:
            for index, name in enumerate(node.input):
                node.input[index] = copies.get(name, name)
            model.graph.node.append(node)


def _name_nodes(model: onnx.ModelProto) -> None:
    """Give every node a name of its own: messages of parsers and converters rely on it."""
    seen: Counter[str] = Counter()
    for node in model.graph.node:
        base = node.name or f"/{node.op_type}"
        seen[base] += 1
        node.name = base if seen[base] == 1 else f"{base}_{seen[base]}"
