"""A connection with an unread body ends: nothing that follows is taken for that body for ever."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from server.protocol import ProblemProtocol
from tests.patience import patience

Gateway = Callable[..., httpx2.Client]
GET = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
LENGTH = b"Content-Length: 1000\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
EXPECT = b"Expect: 100-continue\r\n"


@contextmanager
def _connected(client: httpx2.Client) -> Iterator[socket.socket]:
    with socket.create_connection((client.base_url.host, client.base_url.port), patience(1)) as raw:
        yield raw


def _response(raw: socket.socket) -> tuple[int, bytes]:
    """Status, and headers in lower case, of the next response, which has a length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += raw.recv(1)
    headers = received.lower()
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", headers)
    assert length is not None
    left = int(length[1])
    while left:
        left -= len(raw.recv(left))
    return int(received[9:12]), headers


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
@pytest.mark.parametrize(
    ("target", "status"), [(b"/nope", 404), (b"/models", 405), (b"/segment?mode=x", 422)]
)
def test_a_refusal_instead_of_100_ends_the_connection(
    gateway: Gateway, target: bytes, status: int, framing: bytes
) -> None:
    """The client may send the body or leave it out, so what follows could be either."""
    with _connected(gateway()) as raw:
        raw.sendall(b"POST " + target + b" HTTP/1.1\r\nHost: a\r\n" + framing + EXPECT + b"\r\n")
        got, headers = _response(raw)
        assert got == status
        assert headers.count(b"\r\nconnection: close\r\n") == 1
        raw.sendall(GET)
        assert raw.recv(1) == b""


def test_a_client_that_sends_its_body_anyway_keeps_the_connection(gateway: Gateway) -> None:
    with _connected(gateway()) as raw:
        head = b"POST /nope HTTP/1.1\r\nHost: a\r\n" + LENGTH + EXPECT + b"\r\n"
        for more in (b"x" * 1000, b"x" * 1000):
            raw.sendall(head + more)
            status, headers = _response(raw)
            assert (status, b"connection: close" in headers) == (404, False)
        raw.sendall(GET)
        assert _response(raw)[0] == 200


@pytest.mark.parametrize("rest", [b"", b"x", b"x" * 100])
def test_an_answered_connection_with_an_unread_body_ends(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    made = ProblemProtocol.connection_made

    def made_with_a_short_wait(protocol: ProblemProtocol, transport: object) -> None:
        protocol.timeout_keep_alive = 0.2  # type: ignore[assignment]
        made(protocol, transport)  # type: ignore[arg-type]

    monkeypatch.setattr(ProblemProtocol, "connection_made", made_with_a_short_wait)
    with _connected(gateway()) as raw:
        raw.sendall(b"POST /nope HTTP/1.1\r\nHost: a\r\n" + LENGTH + b"\r\n")
        assert _response(raw)[0] == 404
        raw.sendall(rest)
        assert raw.recv(1) == b""


def test_a_malformed_chunk_that_no_route_reads_ends_the_connection(gateway: Gateway) -> None:
    client = gateway()
    for chunk in (b"zz\r\n", b"1\nx", b"1;\r\nx\r\n"):
        with _connected(client) as raw:
            raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\n" + chunk)
            _, headers = _response(raw)
            assert b"\r\nconnection: close\r\n" in headers
            assert raw.recv(1) == b""
