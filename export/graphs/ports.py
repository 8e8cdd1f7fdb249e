"""What ONNX graphs declare of their inputs and outputs, and what each kind of graph has to."""

from collections.abc import Iterable

import onnx
from onnx import TensorProto

from ocrnet.artefacts import FREE, LogitsElement, Port, Ports
from ocrnet.zoo import ModelSpec, Size


def ports_of(spec: ModelSpec, size: Size | None, *, logits: LogitsElement, labels: bool) -> Ports:
    """What a graph of a model takes and gives, N free.

    size: of a fixed graph; None: height and width are free as well. logits: their type, as ONNX
    names it. labels: whether a fixed graph also gives those.
    """
    image = (size.height, size.width) if size else (FREE, FREE)
    grid = spec.logits_size(size) if size else None
    cells = (grid.height, grid.width) if grid else (FREE, FREE)
    outputs = [Port("logits", logits, (FREE, spec.classes, *cells))]
    if labels:
        outputs.append(Port("labels", "UINT8", (FREE, *image)))
    return Ports((Port("image", "UINT8", (FREE, *image, 3)),), tuple(outputs))


def declared_ports(model: onnx.ModelProto) -> Ports:
    """Return what a graph declares; a dimension without a number is free."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = (value for value in model.graph.input if value.name not in weights)
    return Ports(_ports(inputs), _ports(model.graph.output))


def _ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    ports = []
    for value in values:
        tensor = value.type.tensor_type
        dims = (dim.dim_value if dim.HasField("dim_value") else FREE for dim in tensor.shape.dim)
        element = TensorProto.DataType.Name(tensor.elem_type)
        ports.append(Port(value.name, element, tuple(dims)))
    return tuple(ports)
