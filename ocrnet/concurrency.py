"""Work off the event loop, and when the request that it is done for must be answered."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from ocrnet.memory_errors import memory_errors

P = ParamSpec("P")
T = TypeVar("T")

_cancelled: ContextVar[threading.Event | None] = ContextVar("cancelled", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class WorkCancelled(Exception):
    """Nobody waits any more for the work of this thread."""


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread; if the task is cancelled, only once the thread is done.

    `asyncio.to_thread` would leave it running, and a place that is given back when the task ends
    would be given back too early. Long work can end sooner by calling `stop_if_cancelled`.

    Raises whatever `work` raises, and OutOfMemory where memory could not be allocated.
    """
    cancelled = threading.Event()

    def run() -> T:
        _cancelled.set(cancelled)  # in a context of its own: to_thread copies the task's
        return work(*args, **kwargs)

    with memory_errors():
        running = asyncio.ensure_future(asyncio.to_thread(run))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # seen, so that it is not reported as lost
            raise


def stop_if_cancelled() -> None:
    """Raise WorkCancelled in a thread of `in_thread` whose task was cancelled; else do nothing."""
    cancelled = _cancelled.get()
    if cancelled is not None and cancelled.is_set():
        raise WorkCancelled


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
        except BaseException as caught:  # noqa: BLE001  # re-raised where the result is awaited
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    with memory_errors():
        threading.Thread(target=run, daemon=True).start()
        return await result


@contextmanager
def deadline_at(moment: float) -> Iterator[None]:
    """Let the block, and the tasks that it starts, know; moment: on the event loop's clock."""
    token = _deadline.set(moment)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float | None:
    """Seconds until the deadline, below 0 once it has passed; None: there is none."""
    moment = _deadline.get()
    return None if moment is None else moment - asyncio.get_running_loop().time()
