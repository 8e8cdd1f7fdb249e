"""Work for a client that has left is stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from server.problems import RequestError

T = TypeVar("T")


# Work that was cancelled and has not ended yet: a window in the engine, a picture in a decoder.
_ending: set[asyncio.Task[Any]] = set()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, but cancel it when the client leaves. The body must have been read.

    Whoever waits is let go at once, here and when it is cancelled itself; the work keeps what it
    holds until it has really ended.

    Raises RequestError then, which nobody receives, and whatever `work` raises.
    """
    task = asyncio.create_task(work)
    watch = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RequestError(400, "client_gone", "the client left before the answer was there")
        return task.result()
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            _ending.add(task)
            task.add_done_callback(_ended)


def _ended(task: asyncio.Task[Any]) -> None:
    _ending.discard(task)
    if not task.cancelled():
        task.exception()  # seen, so that it is not reported as lost


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
