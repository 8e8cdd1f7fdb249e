"""Bodies of many tiny chunks are refused; those that clients send are not."""

import http.client
import io
import logging
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import requests

from server.chunks import ChunkLimits
from server.problems import RequestError
from tests.patience import patience

Gateway = Callable[..., httpx2.Client]
PNG = {"Content-Type": "image/png"}
START = (
    b"POST /segment HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.fixture(scope="module")
def image(encode: Callable[..., bytes]) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    return encode(noise)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _chunks(pieces: Iterable[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _exchange(client: httpx2.Client, sent: bytes) -> bytes:
    """Send, and read to the end of the connection."""
    received = b""
    with socket.create_connection((client.base_url.host, client.base_url.port), patience(1)) as raw:
        raw.sendall(sent)
        while data := raw.recv(65536):
            received += data
    return received


def _accepted(sizes: Iterable[int]) -> bool:
    limits = ChunkLimits()
    try:
        for size in sizes:
            limits.add(ends=True, data=size, framing=6)
    except RequestError as refusal:
        return (refusal.status, refusal.code) != (400, "tiny_chunks")
    return True


def test_256_chunks_are_allowed_and_one_more_for_every_128_bytes() -> None:
    assert _accepted([1] * 256)
    assert _accepted([1] * 258)
    assert not _accepted([1] * 259)
    assert _accepted([128] * 10_000)
    assert _accepted([64] * 512)
    assert not _accepted([64] * 513)
    assert _accepted([1280, *[1] * 267])
    assert not _accepted([1280, *[1] * 268])
    assert _accepted([65536] * 300 + [1])


def test_extensions_and_trailers_may_not_outweigh_the_data() -> None:
    limits = ChunkLimits()
    for _ in range(1000):
        limits.add(ends=True, data=1000, framing=1900)
    with pytest.raises(RequestError, match="extensions"):
        limits.add(ends=True, data=1000, framing=300_000)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"1\r\nx\r\n", b"259 chunks of the body have 1.0 bytes on average"),
        (b"64\r\n" + bytes(100) + b"\r\n", b"1171 chunks of the body have 100.0 bytes"),
        (b"1;" + b"e" * 10_000 + b"\r\nx\r\n", b"extensions"),
        (b"1;" + b"e" * 16_300 + b"\r\nx\r\n", b"extensions"),
        (b"400;" + b"e" * 4000 + b"\r\n" + bytes(1024) + b"\r\n", b"extensions"),
    ],
)
def test_refused_with_one_answer_one_line_and_one_count(
    gateway: Gateway, caplog: pytest.LogCaptureFixture, body: bytes, shown: bytes
) -> None:
    client = gateway()
    with caplog.at_level(logging.INFO, "ocrnet.access"):
        received = _exchange(client, START + body * (2**21 // len(body)))
        metrics = client.get("/metrics").text
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b'"code":"tiny_chunks"' in received
    assert b"connection: close" in received.lower()
    assert shown in received
    facts = [record.__dict__["facts"] for record in caplog.records if "facts" in record.__dict__]
    codes = [fact["code"] for fact in facts if fact["route"] == "/segment"]
    assert codes == ["tiny_chunks"]
    assert 'ocrnet_refusals_total{code="tiny_chunks"} 1.0' in metrics
    assert 'ocrnet_requests_held{stage="arriving"} 0.0' in metrics


def test_a_client_that_sends_first_sees_the_refusal(gateway: Gateway) -> None:
    url = f"{gateway().base_url}/segment"
    answer = requests.post(url, data=_pieces(bytes(20_000), 1), headers=PNG, timeout=patience(6))
    assert (answer.status_code, answer.json()["code"]) == (400, "tiny_chunks")


def test_a_request_that_needs_no_body_is_answered_and_its_body_not_read_on(
    gateway: Gateway,
) -> None:
    start = START.replace(b"POST /segment", b"GET /models")
    received = _exchange(gateway(), start + b"1\r\nx\r\n" * 40_000)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 ") == 1


def _lines(data: bytes) -> Iterable[bytes]:
    return io.BytesIO(data)


def _flushed(data: bytes) -> Iterator[bytes]:
    """As a writer of forms that flushes after each line, and copies in small pieces."""
    yield from (b"--", b"b", b"\r\n", b"Content-Disposition", b": ", b'form-data; name="image"')
    yield from (b"\r\n", b"Content-Type", b": ", b"image/png", b"\r\n", b"\r\n")
    yield from _pieces(data, 512)
    yield from (b"\r\n", b"--", b"b", b"--", b"\r\n")


@pytest.mark.parametrize("divide", [
    _lines,
    lambda data: _pieces(data, 128),
    lambda data: _pieces(data, 1000),
    lambda data: [*_pieces(data[:255], 1), data[255:]],
    lambda data: [*_pieces(data[:-255], 4096), *_pieces(data[-255:], 1)],
])  # fmt: skip
def test_accepted_from_http_client_and_requests(
    gateway: Gateway, image: bytes, divide: Callable[[bytes], Iterable[bytes]]
) -> None:
    client = gateway()
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port)
    connection.request("POST", "/segment", divide(image), PNG, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    pieces = (piece for piece in divide(image))
    answer = requests.post(
        f"{client.base_url}/segment", data=pieces, headers=PNG, timeout=patience(6)
    )
    assert answer.status_code == 200, answer.text


def test_accepted_from_other_clients(
    gateway: Gateway, image: bytes, needed: Callable[[str], str], tmp_path: Path
) -> None:
    client = gateway()
    file = tmp_path / "street.png"
    file.write_bytes(image)
    with file.open("rb") as opened:
        request = urllib.request.Request(f"{client.base_url}/segment", opened, PNG)
        assert urllib.request.urlopen(request, timeout=patience(6)).status == 200
    assert client.post("/segment", content=_pieces(image, 4096), headers=PNG).status_code == 200
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    assert client.post("/segment", content=_flushed(image), headers=form).status_code == 200
    command = [needed("curl"), "-sf", "-T", "-", "-X", "POST", "-H", "Content-Type: image/png"]
    with file.open("rb") as opened:
        subprocess.run(
            [*command, f"{client.base_url}/segment"], stdin=opened, check=True, capture_output=True
        )


@pytest.mark.slow
def test_memory_stays_flat(gateway_process: Callable[..., Any]) -> None:
    process = gateway_process("--log-level", "error")
    sent = START + b"1\r\nx\r\n" * 100_000
    for _ in range(20):
        _exchange(process.client, sent)
    before = process.resident_bytes()
    for _ in range(100):
        assert b"tiny_chunks" in _exchange(process.client, sent)
    assert process.resident_bytes() - before < 2**20
