"""What an ONNX file may hold: all of its weights, and standard operators alone.

The file is walked as protobuf's wire format, with the field numbers of onnx.proto3; weights are
skipped, not read.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from ocrnet.artefacts.protobuf_wire import read_fields, text_of
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
                outside.append(text_of(values.get(_NAME, b"")))
            domain = text_of(values.get(_DOMAIN, b"")) if kind == "node" else ""
            if domain not in _STANDARD:
                custom.add(f"{domain}.{text_of(values.get(_OP_TYPE, b''))}")
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
    for number, value, _ in read_fields(data):
        inner = _INNER[kind].get(number)
        if isinstance(value, int):
            short[number] = value
        elif inner:
            yield from _messages(value, inner, depth + 1)
        else:
            short[number] = bytes(value[:200])
    yield kind, short
