"""What an ONNX file may hold: all of its weights, and standard operators alone.

The file is walked as protobuf's wire format (https://protobuf.dev/programming-guides/encoding),
with the field numbers of onnx.proto3, so that the gateway does without the onnx package; weights
are skipped, not read.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from ocrnet.errors import ArtefactError

_STANDARD = ("", "ai.onnx")
_DEEPEST = 32  # messages in messages; what PyTorch exports has six
# Per message of onnx.proto3: which of its fields are messages to walk.
_INNER = {
    "model": {7: "graph", 25: "function"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_OP_TYPE, _DOMAIN = 4, 7  # of a node
_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 8, 13, 14  # of a tensor
_VARINT, _EIGHT, _LENGTH, _FOUR = 0, 1, 2, 5


def check_self_contained(path: Path) -> None:
    """Raise ArtefactError for weights in other files or operators outside of the standard.

    External data is not covered by the manifest's SHA-256, and its path may lead anywhere.
    """
    outside: list[str] = []
    custom: set[str] = set()
    graphs = 0
    try:
        with path.open("rb") as file:
            # Closed with its last view: an error's traceback may hold some for a while.
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for kind, values in _messages(data, "model", 0):
            graphs += kind == "graph"
            if kind == "tensor" and (_EXTERNAL_DATA in values or values.get(_DATA_LOCATION)):
                outside.append(_text(values.get(_NAME, b"")))
            domain = _text(values.get(_DOMAIN, b"")) if kind == "node" else ""
            if domain not in _STANDARD:
                custom.add(f"{domain}.{_text(values.get(_OP_TYPE, b''))}")
    except ValueError as error:  # an empty file, too
        raise ArtefactError(f"{path} is not an ONNX file: {error}") from error
    if not graphs:
        raise ArtefactError(f"{path} is not an ONNX file: it holds no graph")
    if outside:
        raise ArtefactError(
            f"{path} keeps {len(outside)} weights in other files ({outside[0]!r} first): "
            "save it as one file (onnx.save without save_as_external_data)"
        )
    if custom:
        raise ArtefactError(
            f"{path} needs operators outside of the ONNX standard ({', '.join(sorted(custom))}): "
            "engines here have no plug-ins; export it again without them"
        )


def _messages(
    data: memoryview, kind: str, depth: int
) -> Iterator[tuple[str, dict[int, int | bytes]]]:
    """Yield a message and all that it holds, each with its short fields by number."""
    if depth > _DEEPEST:
        raise ValueError("messages are nested too deeply")
    short: dict[int, int | bytes] = {}
    for number, value in _fields(data):
        inner = _INNER[kind].get(number)
        if isinstance(value, int):
            short[number] = value
        elif inner:
            yield from _messages(value, inner, depth + 1)
        else:
            short[number] = bytes(value[:200])
    yield kind, short


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, integer or bytes) of one message; raises ValueError where it is cut."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _LENGTH:
            length, at = _varint(data, at)
        elif wire in (_EIGHT, _FOUR):
            length = 8 if wire == _EIGHT else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + length > len(data):
            raise ValueError("it ends in the middle of a field")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _text(value: int | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
