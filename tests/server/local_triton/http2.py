"""Calls of gRPC as frames of HTTP/2 that are written by hand, since its clients write no others."""

import socket
from collections.abc import Iterator
from typing import Any

from tests.patience import patience

# Kinds of frame, RFC 9113, section 6.
DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM = 1


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    length = len(payload).to_bytes(3, "big")
    return length + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _frames(received: bytes) -> Iterator[tuple[int, int]]:
    """Kind and flags of each whole frame in what a server sent, in their order."""
    while len(received) >= 9 and len(received) >= (end := 9 + int.from_bytes(received[:3], "big")):
        yield received[3], received[4]
        received = received[end:]


def kinds(received: bytes) -> list[int]:
    return [kind for kind, _ in _frames(received)]


def _ended(received: bytes) -> bool:
    """Whether the server has said all that it says of the one call."""
    return any(
        kind in (_RST_STREAM, _GOAWAY) or (kind == _HEADERS and flags & _END_STREAM)
        for kind, flags in _frames(received)
    )


def raw_call(address: str, method: str, message: Any, more: dict[str, str]) -> bytes:
    """Send one call over HTTP/2 with header names as they are; what comes back until its end."""
    headers = {
        ":method": "POST", ":scheme": "http", ":authority": "x", "content-type": "application/grpc",
        "te": "trailers", ":path": f"/inference.GRPCInferenceService/{method}",
    } | more  # fmt: skip
    # Literal fields without an index (RFC 7541, section 6.2.2).
    fields = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in sorted(headers.items(), key=lambda one: not one[0].startswith(":"))
    )
    body = message.SerializeToString()
    data = b"\0" + len(body).to_bytes(4, "big") + body
    host, port = address.split(":")
    found = b""
    with socket.create_connection((host, int(port)), timeout=patience(1)) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b""))
        connection.sendall(_frame(_HEADERS, 4, 1, fields) + _frame(DATA, 1, 1, data))
        while not _ended(found) and (part := connection.recv(65536)):
            found += part
    return found
