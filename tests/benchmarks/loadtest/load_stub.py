"""A server that answers as a test wants, on a real socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.conftest import listening

Answer = tuple[int, bytes]
OVERLOADED = (503, json.dumps({"code": "overloaded"}).encode())
IDLE = 'ocrnet_requests_held{stage="in work"} 0.0\n'


@dataclass
class Stub:
    """`answer` is given the number of the request, from 0, and its place in the event loop."""

    answer: Callable[[int], Awaitable[Answer]]
    metrics: Callable[[], str] = lambda: IDLE
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI asks for it."""
        assert scope["type"] == "http"
        if scope["path"] == "/metrics":
            await _send(send, 200, self.metrics().encode())
            return
        self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        number = len(self.headers) - 1
        while (await receive()).get("more_body"):
            pass
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            status, body = await self.answer(number)
        finally:
            self.now -= 1
        await _send(send, status, body)


async def _send(send: Any, status: int, body: bytes) -> None:
    kind = b"application/problem+json" if body.startswith(b"{") else b"image/png"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(
    answer: Callable[[int], Awaitable[Answer]], metrics: Callable[[], str] = lambda: IDLE
) -> Iterator[Stub]:
    """Run a stub; it gives up on answers that are still under way when the test ends."""
    stub = Stub(answer, metrics)
    config = uvicorn.Config(
        stub, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    with listening(config) as stub.url:
        yield stub


def always(status: int, body: bytes, seconds: float = 0.0) -> Callable[[int], Awaitable[Answer]]:
    """Answer the same each time."""

    async def answer(_: int) -> Answer:
        await asyncio.sleep(seconds)
        return status, body

    return answer
