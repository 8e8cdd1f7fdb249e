"""Bad requests to a real gateway process on the demo model: each refused at once, nothing lost."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from ocrnet.scenes import draw_scene
from tests.patience import patience, wait_until

Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def process(gateway_process: Callable[..., Any]) -> Any:
    return gateway_process("--log-level", "error")


@pytest.fixture(scope="module")
def client(process: Any) -> httpx2.Client:
    return process.client


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return draw_scene(3, 128, 256).image


@pytest.fixture(scope="module")
def good(encode: Encode, scene: np.ndarray) -> bytes:
    return encode(scene)


def _cases(encode: Encode, scene: np.ndarray) -> dict[str, tuple[dict, int, str]]:
    """Name → (arguments of the post, status, code)."""
    good = {"image": encode(scene)}
    return {
        "too many bytes": ({"content": b"\xff\xd8\xff" + bytes(21 * 2**20)}, 413, "too_many_bytes"),
        "charset that Python cannot use": (
            {
                "content": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n',
                "headers": {"content-type": "multipart/form-data; charset=undefined; boundary=b"},
            },
            422,
            "unknown_field",
        ),
        "charset of other bytes": (
            {
                "content": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n',
                "headers": {"content-type": "multipart/form-data; charset=utf-16; boundary=b"},
            },
            400,
            "bad_multipart",
        ),
        "other field": ({"files": {"picture": good["image"]}}, 422, "unknown_field"),
        "a text field": (
            {"files": {"image": (None, "text")}},
            415,
            "unsupported_media_type",
        ),
        "two files": ({"files": [("image", good["image"])] * 2}, 400, "bad_multipart"),
        "option as field": ({"files": good, "data": {"mode": "whole"}}, 422, "unknown_field"),
        "JSON": ({"json": {"image": "base64"}}, 415, "unsupported_media_type"),
        "no boundary": (
            {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
            400,
            "bad_multipart",
        ),
        "gzip": (
            {"content": b"x", "headers": {"content-encoding": "gzip", "content-type": "image/png"}},
            415,
            "unsupported_encoding",
        ),
    }


@pytest.fixture(scope="module")
def cases(encode: Encode, scene: np.ndarray) -> dict[str, tuple[dict, int, str]]:
    return _cases(encode, scene)


def _mask(client: httpx2.Client, data: bytes) -> np.ndarray:
    answer = client.post("/segment", files={"image": data})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)))


def test_every_bad_request_is_refused_with_a_problem_document(
    process: Any, cases: dict, good: bytes
) -> None:
    client = process.client
    expected = _mask(client, good)
    for _, (arguments, _, _) in cases.items():  # once round, so that lazy imports are done
        client.post("/segment", **arguments)
    before = process.resident_bytes()
    for name, (arguments, status, code) in cases.items():
        answer = client.post("/segment", **arguments)
        assert (answer.status_code, answer.json().get("code")) == (status, code), name
        assert answer.headers["content-type"] == "application/problem+json", name
        problem = answer.json()
        assert problem["status"] == status
        assert 10 < len(problem["detail"]) <= 200, name
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert ("limit" in problem) == (status == 413), name
        assert not re.search(r"Traceback|/site-packages/|\.py\b", answer.text), name
        assert client.get("/health/live").status_code == 200
    # Flat: two bodies of 20 MiB passed through, and none of it stayed.
    assert process.resident_bytes() - before < 8 * 2**20
    np.testing.assert_array_equal(_mask(client, good), expected)


def test_other_routes_and_methods_are_problem_documents_too(
    client: httpx2.Client,
) -> None:
    for method, path, status, code in (
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/segment", 405, "method_not_allowed"),
        ("GET", "/models/nothing", 404, "unknown_model"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/segment").headers["allow"] == "POST"


def test_a_body_over_the_limit_is_refused_before_it_is_sent(
    client: httpx2.Client,
) -> None:
    with socket.create_connection(
        (client.base_url.host, client.base_url.port), timeout=patience(1)
    ) as raw:
        raw.sendall(
            b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_stops_at_the_limit(client: httpx2.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 2**20
            yield bytes(2**20)

    try:
        answer = client.post("/segment", content=endless(), headers={"content-type": "image/png"})
    except httpx2.TransportError:  # it hung up on the sender, which is as good
        pass
    else:
        assert (answer.status_code, answer.json()["code"]) == (413, "too_many_bytes")
    # The limit, 32 MiB that are thrown away so that the answer arrives, and the sockets' buffers.
    assert sent < 100 * 2**20


def test_a_client_that_leaves_during_the_work_stops_it(
    client: httpx2.Client, encode: Encode
) -> None:
    """Four requests of thousands of windows each, abandoned: the next one is answered."""
    data = encode(np.zeros((300, 300, 3), np.uint8))
    head = (
        f"POST /segment?crop=64x64&stride=4x4 HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n"
    ).encode()
    address = (client.base_url.host, client.base_url.port)
    in_work = '\nocrnet_requests_held{{stage="in work"}} {}.0\n'
    with ExitStack() as stack:
        for _ in range(4):
            sender = stack.enter_context(socket.create_connection(address))
            sender.sendall(head + data)
        wait_until(lambda: in_work.format(4) in client.get("/metrics").text, seconds=2)
        assert client.post("/segment", files={"image": data}).status_code == 503
    # All places are back well before the abandoned work would have been done.
    wait_until(lambda: in_work.format(0) in client.get("/metrics").text, seconds=1)
    assert _mask(client, encode(np.zeros((32, 32, 3), np.uint8))).shape == (32, 32)


def test_a_client_that_leaves_does_not_keep_its_place(client: httpx2.Client, good: bytes) -> None:
    for _ in range(30):  # more than may upload at once
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address, timeout=patience(1)) as raw:
            raw.sendall(
                b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                b"Content-Length: 5000\r\n\r\n" + bytes(100)
            )
    assert _mask(client, good).shape == (128, 256)
