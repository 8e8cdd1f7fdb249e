"""One request is one request: what could be read as two is answered once, with 400, and no more."""

import json
import logging
import re
import socket
from collections.abc import Callable

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from corpus.heads import CHUNKS, GET, HOST, REFUSED, VALID
from tests.patience import patience

Gateway = Callable[..., httpx2.Client]
# What a body may end with to be a request of its own, if the server looks for it there.
SECOND = b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = (
    b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _exchange(client: httpx2.Client, sent: bytes, *later: bytes) -> list[tuple[int, bytes]]:
    """Send and read to the end of the connection: status, and headers with body, of each answer.

    Raises TimeoutError if the gateway does not close it.
    """
    address = (client.base_url.host, client.base_url.port)
    received = b""
    with socket.create_connection(address, timeout=patience(1)) as raw:
        raw.sendall(sent)
        for more in later:
            raw.sendall(more)
        while data := raw.recv(65536):
            received += data
    answers = re.split(rb"HTTP/1\.1 (\d{3}) ", received)
    assert answers[0] == b""
    return [(int(status), rest) for status, rest in zip(answers[1::2], answers[2::2], strict=True)]


def _requests(client: httpx2.Client) -> dict[str, float]:
    """Requests that were counted so far, by route and status."""
    return {
        f"{sample.labels['route']} {sample.labels['status']}": sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "ocrnet_requests_total"
    }


def _judge(answers: list[tuple[int, bytes]], name: str) -> None:
    assert [status for status, _ in answers] == [400], name
    headers, _, body = answers[0][1].lower().partition(b"\r\n\r\n")
    assert b"connection: close" in headers, name
    assert b"content-type: application/problem+json" in headers, name
    problem = json.loads(body)
    assert problem["code"] == "bad_http", name
    assert problem["request_id"] in headers.decode(), name


def test_heads_that_can_be_read_in_two_ways(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client = gateway()
    with caplog.at_level(logging.INFO, "ocrnet.access"):
        for name, head in REFUSED.items():
            _judge(_exchange(client, head + b"0\r\n\r\n" + SECOND), name)
        assert _requests(client) == {"none 400": len(REFUSED)}
    logged = [record for record in caplog.records if record.name == "ocrnet.access"]
    assert len(logged) == len(REFUSED)


def test_bodies_that_can_be_read_in_two_ways(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client = gateway()
    for name, body in CHUNKS.items():
        _judge(_exchange(client, b"POST /segment" + CHUNKED + body + SECOND), name)
        parts = [bytes([byte]) for byte in body + SECOND[:9]]
        if len(parts) < 60:
            _judge(_exchange(client, b"POST /segment" + CHUNKED, *parts), name)
    counted = _requests(client)
    assert set(counted) == {"/segment 400"}
    assert len(CHUNKS) < counted["/segment 400"] <= 2 * len(CHUNKS)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_bad_chunk_after_the_answer_gets_no_second_one(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client = gateway()
    for path, status in ((b"/nothing", 404), (b"/segment?mode=x", 422), (b"/models", 405)):
        start = b"POST " + path + CHUNKED
        for sent in ((start + b"z\r\n" + SECOND,), (start, b"1\r\nx\r\n", b"z\r\n" + SECOND)):
            answers = _exchange(client, *sent)
            assert [status for status, _ in answers] == [status]
    assert sum(_requests(client).values()) == 6
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_what_is_valid_is_answered_and_the_connection_goes_on(gateway: Gateway) -> None:
    client = gateway()
    for name, head in VALID.items():
        closing = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        statuses = [status for status, _ in _exchange(client, head, closing)]
        assert statuses == ([200] if b"HTTP/1.0" in head else [200, 200]), name
    last = GET + HOST + b"Connection: close\r\n\r\n"
    body = b'1;a=b\r\nx\r\n2;c="d"\r\nyz\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n'
    answers = _exchange(client, b"POST /segment" + CHUNKED + body + last)
    assert [status for status, _ in answers] == [415, 200]
    answers = _exchange(client, b"POST /nothing" + CHUNKED + body + last)
    assert [status for status, _ in answers] == [404, 200]


def test_a_bad_request_behind_a_good_one(gateway: Gateway) -> None:
    answers = _exchange(gateway(), GET + HOST + b"\r\n" + REFUSED["CL.TE"] + SECOND)
    assert [status for status, _ in answers] == [200, 400]


def test_what_follows_the_last_request_is_not_looked_at(gateway: Gateway) -> None:
    """Some clients end a body with a line end that its length does not count."""
    client = gateway()
    last = b"POST /segment HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    for more in (b"\r\n", b"\0" * 100_000, SECOND):
        answers = _exchange(client, last, more)
        assert [status for status, _ in answers] == [415]
        answers = _exchange(client, last + more)
        assert [status for status, _ in answers] == [415]
    assert _requests(client) == {"/segment 415": 6}


def test_an_offer_of_another_protocol_is_not_logged(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    client = gateway()
    for name in ("HTTP/2 offered", "a WebSocket offered"):
        head = VALID[name].replace(b"Upgrade\r\n", b"Upgrade, close\r\n")
        head = head.replace(b"HTTP2-Settings\r\n", b"HTTP2-Settings, close\r\n", 1)
        assert [status for status, _ in _exchange(client, head)] == [200]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
