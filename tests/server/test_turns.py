"""However much arrives at once, only so many HTTP events are handled in one turn of the loop."""

import asyncio
import gc
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import h11
import pytest
import uvicorn

from ocrnet.cli import main
from ocrnet.engines.fake import FakeEngine
from ocrnet.zoo import get_spec
from server.app import create_app
from server.cli import server_config
from server.models import ServedModel, ServedModels
from server.settings import Settings
from tests.conftest import SETTINGS
from tests.patience import patience

MOST_EVENTS = 64
MOST_URL_BYTES = 8192
CONNECTIONS = 8
START = (
    b"POST /segment HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LONG = b"GET /health/live? HTTP/1.1\r\nHost: a\r\n\r\n"
# Name → what each connection sends, how many answers it gets, and the status of the last.
SENT = {
    "chunks of one byte": (START + b"1\r\nx\r\n" * 40_000, 1, 400),
    "chunks as small as allowed": (
        START + (b"80\r\n" + bytes(128) + b"\r\n") * 1000 + b"0\r\n\r\n", 1, 415,
    ),
    "chunks of a request that was answered": (
        START.replace(b"segment", b"none").replace(b"Connection: close\r\n", b"")
        + (b"80\r\n" + bytes(128) + b"\r\n") * 1000 + b"0\r\n\r\n" + LAST, 2, 200,
    ),
    "requests in a pipeline": (
        LAST.replace(b"Connection: close\r\n", b"") * 100 + LAST, 101, 200,
    ),
    "long URLs in a pipeline": (
        LONG.replace(b"?", b"?" + b"a=b&" * 2000) * 20 + LAST, 21, 200,
    ),
    "URLs of 1 KiB in a pipeline": (
        LONG.replace(b"?", b"?" + b"a=b&" * 250) * 60 + LAST, 61, 200,
    ),
    "forms in a pipeline": (
        LAST.replace(b"GET", b"POST").replace(b"Connection: close", b"Content-Length: 2") + b"ab"
        + LAST, 2, 200,
    ),
}  # fmt: skip


def _send(port: int, sent: bytes) -> bytes:
    """Send all before anything is read; all that comes back."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience(6)) as raw:
        with suppress(ConnectionError):  # it was refused before its end
            raw.sendall(sent)
        while data := raw.recv(65536):
            received += data
    return received


@pytest.mark.parametrize("name", SENT)
def test_no_turn_has_more_events_than_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, answers, status = SENT[name]
    events = 0
    url_bytes = 0
    per_turn: list[int] = []
    url_bytes_per_turn: list[int] = []
    parse = h11.Connection.next_event

    def count(connection: h11.Connection) -> object:
        nonlocal events, url_bytes
        events += 1
        event = parse(connection)
        if isinstance(event, h11.Request):
            url_bytes += len(event.target)
        return event

    monkeypatch.setattr(h11.Connection, "next_event", count)

    async def serve_and_send() -> list[bytes]:
        spec = get_spec("demo")
        engine = FakeEngine(spec.classes, spec.output_stride)
        served = ServedModels([ServedModel(spec, [], lambda: engine)])
        settings = Settings(max_requests=CONNECTIONS, **SETTINGS)  # each one's file is looked at
        config = server_config(create_app(settings, served), settings)
        config.port = 0
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        loop = asyncio.get_running_loop()

        def end_turn() -> None:
            nonlocal events, url_bytes
            per_turn.append(events)
            url_bytes_per_turn.append(url_bytes)
            events = url_bytes = 0
            if not server.should_exit:
                loop.call_soon(end_turn)

        loop.call_soon(end_turn)
        port = server.servers[0].sockets[0].getsockname()[1]
        with ThreadPoolExecutor(CONNECTIONS) as pool:  # the loop's own is for the gateway
            sending = [loop.run_in_executor(pool, _send, port, sent) for _ in range(CONNECTIONS)]
            received = await asyncio.gather(*sending)
        server.should_exit = True
        await serving
        return received

    for received in asyncio.run(serve_and_send()):
        statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert len(statuses) == answers
        assert statuses[-1] == str(status).encode()
    assert sum(per_turn) > CONNECTIONS * 4
    assert max(per_turn) <= MOST_EVENTS
    assert max(url_bytes_per_turn) <= 1.5 * MOST_URL_BYTES


def test_garbage_is_not_looked_for_among_what_lives_as_long_as_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen: list[int] = []

    def run(*_: object, **__: object) -> None:
        frozen.append(gc.get_freeze_count())

    monkeypatch.setattr(uvicorn.Server, "run", run)
    before = gc.get_freeze_count()
    try:
        assert main(["serve", "--port", "0", "--load", "first-use"]) == 0
    finally:
        gc.unfreeze()
    assert frozen[0] > before + 10_000
