"""What ONNX graphs declare of their inputs and outputs, and what each kind of graph has to."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from ocrnet.artefacts import Precision
from ocrnet.zoo import ModelSpec, Size

# As Triton has it, of a dimension that may be anything.
FREE = -1


@dataclass(frozen=True)
class Port:
    """An input or an output. element: its type, as ONNX names it; dims: all, N first."""

    name: str
    element: str
    dims: tuple[int, ...]


@dataclass(frozen=True)
class Ports:
    """Those of a graph, in its order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def ports_of(spec: ModelSpec, size: Size | None, precision: Precision, *, labels: bool) -> Ports:
    """What a graph of a model takes and gives, N free.

    size: of a fixed graph; None: height and width are free as well. labels: whether a fixed graph
    also gives those.
    """
    image = (size.height, size.width) if size else (FREE, FREE)
    grid = spec.logits_size(size) if size else None
    cells = (grid.height, grid.width) if grid else (FREE, FREE)
    # INT8 graphs are so between their layers alone.
    element = "FLOAT16" if precision == "float16" else "FLOAT"
    outputs = [Port("logits", element, (FREE, spec.classes, *cells))]
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
