"""Work off the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ocrnet.memory_errors import memory_errors

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread; if the task is cancelled, only once the thread is done.

    `asyncio.to_thread` would leave it running: whoever gives a place back when the task ends
    would give it back too early.

    Raises whatever `work` raises, and OutOfMemory where memory could not be allocated.
    """
    with memory_errors():
        running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # seen, so that it is not reported as lost
            raise


async def in_lone_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work`, which waits for others, in a thread of its own; if cancelled, leave it behind.

    For reading from terminals and networks: what may never come must not keep the program. Raises
    as `in_thread`.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if result.done():  # nobody waits any more
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value, error = None, None
        try:
            value = work(*args, **kwargs)
        except BaseException as caught:  # noqa: BLE001  # handed on to whoever awaits
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    with memory_errors():
        threading.Thread(target=run, daemon=True).start()
        return await result
