"""A refusal reaches a client that sends first and reads then, however much it still sends."""

import asyncio
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.commands.segment_runners import Refused, RemoteRunner
from ocrnet.concurrency import in_thread
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from server.linger import LingeringTransport
from tests.patience import patience, wait_until

Gateway = Callable[..., httpx2.Client]
LARGE = b"\xff\xd8\xff" + bytes(15_000_000)


def _post(url: str, data: bytes) -> tuple[int, bytes]:
    """urllib closes each connection, and reads only once all is sent."""
    request = urllib.request.Request(url, data, {"Content-Type": "image/jpeg"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=patience(3)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("model=nope", 404, b"unknown_model"),
        ("mode=fast", 422, b"invalid_mode"),
        ("url=x", 422, b"unknown_parameter"),
        ("", 413, b"too_many_bytes"),
    ],
)
def test_early_refusals_are_seen(gateway: Gateway, query: str, status: int, code: bytes) -> None:
    client = gateway(max_bytes=10_000_000)
    for _ in range(5):
        got, body = _post(f"{client.base_url}/segment?{query}", LARGE)
        assert got == status
        assert code in body


def test_a_full_gateway_is_seen_to_be_full(gateway: Gateway, encode: Callable[..., bytes]) -> None:
    class Gated(FakeEngine):
        gate = threading.Event()

        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            await in_thread(self.gate.wait)
            return await super().infer(images, output)

    client = gateway(Gated(19), max_requests=1)
    picture = encode(np.zeros((40, 64, 3), np.uint8))
    url = f"{client.base_url}/segment"
    held = threading.Thread(target=_post, args=(url, picture))
    held.start()
    wait_until(lambda: 'stage="in work"} 1.0' in client.get("/metrics").text, seconds=1)
    for _ in range(5):
        status, body = _post(url, LARGE)
        assert (status, b"overloaded" in body) == (503, True)
    Gated.gate.set()
    held.join()


def test_a_client_that_never_stops_sending_is_left(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.linger.LONGEST", 0.5)
    client = gateway()
    with socket.create_connection((client.base_url.host, client.base_url.port)) as raw:
        raw.sendall(
            b"POST /segment?model=nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: image/png\r\nContent-Length: 1000000000\r\n\r\n"
        )
        raw.settimeout(patience(2))
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
        assert answer.startswith(b"HTTP/1.1 404 ")
        with pytest.raises(ConnectionError):
            _send_for_ever(raw)
    assert client.get("/health/live").status_code == 200


def _send_for_ever(raw: socket.socket) -> None:
    for _ in range(2000):  # more than is thrown away, however long that takes
        raw.sendall(bytes(65536))
        time.sleep(0.001)


def test_the_command_line_names_the_refusal_of_a_large_picture(gateway: Gateway) -> None:
    """And so asks a full gateway again, as the documentation says."""
    runner = RemoteRunner(f"{gateway().base_url}", {"model": "nope"}, "image/png", patience(3))
    with pytest.raises(Refused) as refused:
        asyncio.run(runner.run(LARGE))
    assert refused.value.code == "unknown_model"


def test_a_connection_that_the_client_has_reset_is_closed_without_an_error() -> None:
    """Nothing is read from it, so the event loop has not seen that: as when the gateway stops."""

    async def close_after_a_reset() -> bool:
        accepted: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

        class Accept(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                transport.pause_reading()
                accepted.set_result(transport)

        server = await asyncio.get_running_loop().create_server(Accept, "127.0.0.1", 0)
        async with server:
            client = socket.create_connection(server.sockets[0].getsockname())
            transport = await accepted
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            lingering = LingeringTransport(transport, lambda: True)
            lingering.close()
            return lingering.lingers or not transport.is_closing()

    assert not asyncio.run(close_after_a_reset())
