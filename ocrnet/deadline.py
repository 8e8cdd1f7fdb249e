"""When the request that is being worked on must be answered, for whoever waits on its behalf."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_at: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline_at(moment: float) -> Iterator[None]:
    """Let the block, and the tasks that it starts, know; moment: on the event loop's clock."""
    token = _at.set(moment)
    try:
        yield
    finally:
        _at.reset(token)


def seconds_left() -> float | None:
    """Seconds until the deadline, below 0 once it has passed; None: there is none."""
    moment = _at.get()
    return None if moment is None else moment - asyncio.get_running_loop().time()
