"""Bad requests to a real gateway process on the demo model: each refused at once, nothing lost."""

import re
import signal
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from ocrnet.scenes import draw_scene

Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def process(root: Path) -> Iterator[tuple[httpx2.Client, int]]:
    """A gateway as `make serve` starts it, on a free port: a client and the process's id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ocrnet", "serve", "--port", str(port), "--log-level", "error"]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL) as running:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(600):
                assert running.poll() is None, "the gateway stopped"
                try:
                    client.get("/health/ready")
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            yield client, running.pid
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return draw_scene(3, 128, 256).image


@pytest.fixture(scope="module")
def good(encode: Encode, scene: np.ndarray) -> bytes:
    return encode(scene)


def _one_colour_png(side: int) -> bytes:
    """A valid PNG of side × side pixels, 1 bit each, all zero: rows are compressed as they come."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    rows = bytes(100 * (1 + side // 8 + (side % 8 > 0)))
    body = b"".join(packer.compress(rows) for _ in range(side // 100)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


def _cases(encode: Encode, scene: np.ndarray) -> dict[str, tuple[dict, int, str]]:
    """Name → (arguments of the post, status, code)."""
    good = {"image": encode(scene)}
    jpeg = encode(scene, "JPEG")

    def with_query(**query: str) -> dict:
        return {"files": good, "params": query}

    return {
        "truncated JPEG": ({"files": {"image": jpeg[: len(jpeg) // 2]}}, 422, "truncated_image"),
        "text file": (
            {"files": {"image": b"just some text\n" * 100}},
            415,
            "unsupported_media_type",
        ),
        "empty body": ({"content": b""}, 422, "empty_image"),
        "empty file": ({"files": {"image": b""}}, 422, "empty_image"),
        "bomb": ({"files": {"image": _one_colour_png(50_000)}}, 413, "too_many_pixels"),
        "too many bytes": ({"content": b"\xff\xd8\xff" + bytes(21 * 2**20)}, 413, "too_many_bytes"),
        "unknown model": (with_query(model="ocrnet_hr99"), 404, "unknown_model"),
        "model not served": (with_query(model="ocrnet_hr48_ade20k_80k"), 404, "unknown_model"),
        "stride 0": (with_query(stride="0x0"), 422, "invalid_stride"),
        "stride over crop": (with_query(crop="64x64", stride="65x64"), 422, "invalid_stride"),
        "huge crop": (with_query(crop="9999999x1"), 422, "invalid_crop"),
        "endless crop": (with_query(crop="9" * 5000 + "x1"), 422, "invalid_crop"),
        "words for a crop": (with_query(crop="large"), 422, "invalid_crop"),
        "other digits": (with_query(crop="٥١٢x٥١٢"), 422, "invalid_crop"),
        "crop in whole": (with_query(mode="whole", crop="64x64"), 422, "invalid_crop"),
        "unknown parameter": (with_query(sride="32x32"), 422, "unknown_parameter"),
        "parameter given twice": (
            {"files": good, "params": [("mode", "whole"), ("mode", "slide")]},
            422,
            "repeated_parameter",
        ),
        "unknown mode": (with_query(mode="fast"), 422, "invalid_mode"),
        "unknown format": (with_query(format="bmp"), 422, "invalid_format"),
        "too many windows": (with_query(crop="32x32", stride="1x1"), 413, "too_many_windows"),
        "charset of no kind": (
            {
                "content": b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n',
                "headers": {"content-type": "multipart/form-data; charset=undefined; boundary=b"},
            },
            400,
            "bad_multipart",
        ),
        "other field": ({"files": {"picture": good["image"]}}, 422, "unknown_field"),
        "a text field": ({"files": {"image": (None, "text")}}, 422, "missing_image"),
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
    process: tuple[httpx2.Client, int], cases: dict, good: bytes
) -> None:
    client, pid = process
    expected = _mask(client, good)
    for _, (arguments, _, _) in cases.items():  # once round, so that lazy imports are done
        client.post("/segment", **arguments)
    before = _kilobytes(pid)
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
    assert _kilobytes(pid) - before < 8 * 1024
    np.testing.assert_array_equal(_mask(client, good), expected)


def test_a_bomb_costs_no_memory_however_often_it_comes(
    process: tuple[httpx2.Client, int], good: bytes
) -> None:
    client, pid = process
    bomb = _one_colour_png(50_000)
    assert len(bomb) < 1_000_000
    for _ in range(5):
        client.post("/segment", files={"image": bomb})
    before = _kilobytes(pid)
    for _ in range(50):
        assert client.post("/segment", files={"image": bomb}).status_code == 413
    assert _kilobytes(pid) - before < 4 * 1024
    assert _mask(client, good).shape == (128, 256)


def test_other_routes_and_methods_are_problem_documents_too(
    process: tuple[httpx2.Client, int],
) -> None:
    client, _ = process
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
    process: tuple[httpx2.Client, int],
) -> None:
    client, _ = process
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as raw:
        raw.sendall(
            b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_stops_at_the_limit(process: tuple[httpx2.Client, int]) -> None:
    client, _ = process
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
    assert sent < 60 * 2**20


def test_a_client_that_leaves_during_the_work_stops_it(
    process: tuple[httpx2.Client, int], encode: Encode
) -> None:
    """Four requests of hundreds of windows each, abandoned: the next one is answered."""
    client, _ = process
    data = encode(np.zeros((300, 300, 3), np.uint8))
    head = (
        f"POST /segment?crop=64x64&stride=16x16 HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n"
    ).encode()
    address = (client.base_url.host, client.base_url.port)
    with ExitStack() as stack:
        for _ in range(4):
            sender = stack.enter_context(socket.create_connection(address))
            sender.sendall(head + data)
        assert wait_for_status(client, data, 503)  # all places are taken
    assert wait_for_status(client, encode(np.zeros((32, 32, 3), np.uint8)), 200)


def wait_for_status(client: httpx2.Client, data: bytes, status: int) -> bool:
    query = {"crop": "64x64", "stride": "64x64"}
    for _ in range(100):  # well under what the abandoned work would take
        if client.post("/segment", params=query, files={"image": data}).status_code == status:
            return True
        time.sleep(0.02)
    return False


def test_a_client_that_leaves_does_not_keep_its_place(
    process: tuple[httpx2.Client, int], good: bytes
) -> None:
    client, _ = process
    for _ in range(30):  # more than may upload at once
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address, timeout=10) as raw:
            raw.sendall(
                b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                b"Content-Length: 5000\r\n\r\n" + bytes(100)
            )
    assert _mask(client, good).shape == (128, 256)
