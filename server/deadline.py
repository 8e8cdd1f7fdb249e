"""How long a request may take."""

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers

from ocrnet.concurrency import deadline_at
from ocrnet.errors import DeadlineExceeded
from server.problems import RequestError

TIMEOUT_HEADER = "X-Request-Timeout"
DEADLINE_HEADER = "X-Request-Deadline"
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?", re.ASCII)


class Deadline:
    """A point on the event loop's clock, which does not jump as the wall clock may."""

    def __init__(self, seconds: float):
        """seconds: from now."""
        self._seconds = seconds
        self._at = asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Cancel the block when it passes, between two stages; raises DeadlineExceeded then."""
        if asyncio.get_running_loop().time() >= self._at:
            raise self._exceeded()
        timeout = asyncio.timeout_at(self._at)
        try:
            with deadline_at(self._at):
                async with timeout:
                    yield
        except TimeoutError:
            if timeout.expired():
                raise self._exceeded() from None
            raise

    def _exceeded(self) -> DeadlineExceeded:
        if self._seconds <= 0:
            return DeadlineExceeded("the deadline had passed before the request began")
        return DeadlineExceeded(f"the {self._seconds:g} s that the request may take are over")


def read_deadline(headers: Headers, longest: float) -> Deadline:
    """Take the sooner of both headers, and at most `longest` seconds.

    `X-Request-Timeout`: seconds from now; `X-Request-Deadline`: Unix time in seconds.
    Raises RequestError for what is no such number.
    """
    seconds = longest
    timeout = _number(headers, TIMEOUT_HEADER, "invalid_timeout", "seconds, such as 2.5")
    if timeout is not None:
        seconds = min(seconds, timeout)
    moment = _number(headers, DEADLINE_HEADER, "invalid_deadline", "Unix time in seconds")
    if moment is not None:
        seconds = min(seconds, moment - time.time())
    return Deadline(seconds)


def _number(headers: Headers, header: str, code: str, meaning: str) -> float | None:
    text = headers.get(header)
    if text is None:
        return None
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not number > 0:
        raise RequestError(
            422,
            code,
            f"{header} is {text[:40]!r}: it takes {meaning}, a plain number above 0 of at most 18 "
            "digits and 9 decimals",
        )
    return number
