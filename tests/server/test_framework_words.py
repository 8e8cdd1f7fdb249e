"""No sentence of a framework or parser reaches a user: the gateway words every error itself."""

import ast
import importlib.util
import re
import socket
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import httpx2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from corpus.forms import REFUSED as FORMS
from corpus.heads import CHUNKS, GET, HOST, POST
from corpus.heads import REFUSED as HEADS
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from server.options import SegmentQuery
from tests.patience import patience

PACKAGES = ["starlette", "fastapi", "uvicorn", "h11", "python_multipart", "anyio"]


@cache
def _sentences() -> frozenset[str]:
    """Every text of three words or more in those packages, without what formatting fills in."""
    found = set()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        for path in Path(spec.origin).parent.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    text = node.value.split("{")[0].split("%")[0].strip()
                    if len(text.split()) >= 3:
                        found.add(text)
    assert "Invalid HTTP request received." in found
    assert "Part exceeded maximum size of" in found
    return frozenset(found)


def _judge(answer: httpx2.Response) -> None:
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    detail = answer.json()["detail"]  # the title is the status as RFC 9110 calls it
    assert not [text for text in _sentences() if text in detail], detail
    assert len(detail) > 10


def test_of_forms(gateway: Callable[..., httpx2.Client]) -> None:
    client = gateway(max_bytes=100_000)
    for body, content_type, *_ in FORMS.values():
        headers = {"content-type": content_type}
        _judge(client.post("/segment", content=body, headers=headers))


BAD = {
    "model": "nope", "mode": "fast", "crop": "x", "stride": "x", "overlap": "1e1", "blend": "max",
    "resize": "all", "scales": "x", "flip": "maybe", "format": "bmp", "ids": "x", "opacity": "7",
    "edges": "x", "boxes": "x", "min_pixels": "0.5", "content": "x", "dry_run": "x",
}  # fmt: skip


def test_of_parameters(gateway: Callable[..., httpx2.Client]) -> None:
    """Pydantic's own message for each value is not in the answer."""
    assert set(BAD) == set(SegmentQuery.model_fields)
    client = gateway()
    for name, value in {**BAD, "overlap ": "1", "unknown": "x"}.items():
        answer = client.post("/segment", params={name: value}, content=b"x")
        _judge(answer)
        try:
            SegmentQuery.model_validate({name: value})
        except ValidationError as error:
            for fault in error.errors():
                assert fault["msg"] not in answer.json()["detail"]


def _elsewhere() -> Iterator[tuple[str, str, dict[str, str], int]]:
    for path in ("/", "/page/page.css"):
        for text in ("bytes=abc", "bytes=", "pages=1-2", "bytes=5-1", "bytes=1-2-3"):
            yield "GET", path, {"range": text}, 400
        yield "GET", path, {"range": "bytes=900000-"}, 416
        yield "POST", path, {}, 405
    for path in ("/nothing", "/page/nothing", "/page/../server/cli.py", "/models/nothing"):
        yield "GET", path, {}, 404
    yield "DELETE", "/segment", {}, 405
    yield "POST", "/segment", {"content-type": "text/plain"}, 415
    yield "POST", "/segment", {"accept": "text/html"}, 406
    yield "POST", "/segment", {"x-request-timeout": "soon"}, 422


def test_of_other_routes_and_headers(gateway: Callable[..., httpx2.Client]) -> None:
    client = gateway()
    for method, path, headers, status in _elsewhere():
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == status, (method, path, headers, answer.text)
        _judge(answer)
    answer = client.get("/", headers={"range": "bytes=900000-"})
    assert answer.headers["content-range"].startswith("bytes */")
    assert client.get("/", headers={"range": "bytes=0-9"}).status_code == 206


def _raw() -> Iterator[bytes]:
    yield from HEADS.values()
    for body in CHUNKS.values():
        yield POST + HOST + b"Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    yield b"\x16\x03\x01 is a TLS hello\r\n\r\n"
    yield b"\r\n" + GET + HOST + b"\r\n"
    yield GET + HOST + b"Expect: more\r\n\r\n"
    yield GET + HOST + b"a: b\r\n" * 65 + b"Connection: close\r\n\r\n"
    yield GET + HOST + b"a: b\r\n" * 10_000 + b"\r\n"
    yield GET + b"Host: " + b"a" * 50_000
    yield b"GET /" + b"a" * 50_000


def test_of_http(gateway: Callable[..., httpx2.Client]) -> None:
    client = gateway()
    for sent in _raw():
        received = b""
        with socket.create_connection(
            (client.base_url.host, client.base_url.port), patience(1)
        ) as raw:
            raw.sendall(sent)
            while data := raw.recv(65536):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        kind = re.search(rb"(?im)^content-type: *(\S+)", head)
        assert kind is not None, sent
        headers = {"content-type": kind[1].decode()}
        _judge(httpx2.Response(status, headers=headers, content=body))


def test_of_a_bug(gateway: Callable[..., httpx2.Client], encode: Callable[..., bytes]) -> None:
    class Broken(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            raise RuntimeError("Stream consumed of the engine")

    image = encode(np.zeros((40, 64, 3), np.uint8))
    answer = gateway(Broken(19)).post("/segment", content=image)
    assert answer.status_code == 500
    _judge(answer)
    assert "Stream consumed" not in answer.text
