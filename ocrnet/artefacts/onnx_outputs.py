"""An ONNX graph that computes some of its outputs and nothing else.

ONNX Runtime runs every node of a graph, whatever a call asks for
(`RunOptions.only_execute_path_to_fetches` works in builds for training alone). So what is not
wanted has to be cut off before the graph is opened. Field numbers are those of onnx.proto3.
"""

from collections.abc import Container, Iterator

from ocrnet.artefacts.protobuf_wire import Field, read_fields, text_of, write_length_field

_GRAPH_OF_MODEL = 7
_NODE, _INITIALIZER, _OUTPUT = 1, 5, 12  # of a graph
_INPUTS_OF_NODE, _OUTPUTS_OF_NODE, _ATTRIBUTE = 1, 2, 5
_SUBGRAPHS_OF_ATTRIBUTE = (6, 11)
_NAME_OF_VALUE, _NAME_OF_TENSOR = 1, 8


def cut_to_outputs(model: bytes, wanted: Container[str]) -> bytes:
    """Return a serialised ONNX model with the outputs `wanted` alone.

    Nodes and weights that only other outputs need are left out; the rest is kept byte for byte.
    Raises ValueError for bytes that are no ONNX model.
    """
    parts: list[bytes | memoryview] = []
    for field in read_fields(memoryview(model)):
        if field.number == _GRAPH_OF_MODEL and isinstance(field.value, memoryview):
            parts.append(write_length_field(_GRAPH_OF_MODEL, _cut_graph(field.value, wanted)))
        else:
            parts.append(field.encoded)
    return b"".join(parts)


def _cut_graph(graph: memoryview, wanted: Container[str]) -> bytes:
    fields = list(read_fields(graph))
    outputs = (_name(field, _NAME_OF_VALUE) for field in fields if field.number == _OUTPUT)
    needed = {name for name in outputs if name in wanted}
    kept: list[Field] = []
    # From the end: a graph lists each node behind those that it takes values from.
    for field in reversed(fields):
        if field.number == _NODE:
            if needed.isdisjoint(_names(field, _OUTPUTS_OF_NODE)):
                continue
            needed.update(_values_taken(field))
        kept.append(field)
    return b"".join(
        field.encoded
        for field in reversed(kept)
        if (field.number != _OUTPUT or _name(field, _NAME_OF_VALUE) in wanted)
        and (field.number != _INITIALIZER or _name(field, _NAME_OF_TENSOR) in needed)
    )


def _values_taken(node: Field) -> Iterator[str]:
    """What a node takes, and what the nodes of its subgraphs take from outside of these."""
    yield from _names(node, _INPUTS_OF_NODE)
    for attribute in _messages(node, _ATTRIBUTE):
        for number in _SUBGRAPHS_OF_ATTRIBUTE:
            for subgraph in _messages(attribute, number):
                for inner in _messages(subgraph, _NODE):
                    yield from _values_taken(inner)


def _messages(message: Field, number: int) -> Iterator[Field]:
    if isinstance(message.value, memoryview):
        yield from (field for field in read_fields(message.value) if field.number == number)


def _names(message: Field, number: int) -> list[str]:
    return [text_of(field.value) for field in _messages(message, number)]


def _name(message: Field, number: int) -> str:
    return next(iter(_names(message, number)), "")
