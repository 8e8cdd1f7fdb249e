"""Share each turn of the event loop among all connections.

One read can bring tens of thousands of HTTP events. Only a few are handled in one turn; connections
with more to do wait for the next ones, first come first served.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

EVENTS = 64  # in one turn, of all connections together: one or two milliseconds
SHARE = 32  # of these, for one connection at a time
FORM_SECONDS = 0.001  # of parsing forms in one turn, of all together


class Turns:
    """Counts the events of the current turn. It belongs to one event loop, so it needs no lock."""

    def __init__(self) -> None:
        self._left = EVENTS
        self._waiting: deque[Callable[[], None]] = deque()
        self._scheduled = False

    def take(self) -> bool:
        """Count one event; returns False, counting nothing, if none is left in this turn."""
        if self._left <= 0:
            return False
        self._left -= 1
        self._schedule()
        return True

    def take_more(self, events: int) -> None:
        """Count an event that took as long as 1 + `events` of them."""
        self._left -= events

    def wait(self, go_on: Callable[[], None]) -> None:
        """Call `go_on` in a later turn, after those that already wait."""
        self._waiting.append(go_on)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._scheduled = False
        self._left = EVENTS
        try:
            for _ in range(len(self._waiting)):
                if self._left <= 0:
                    break
                self._waiting.popleft()()
        finally:  # the failure of one connection must not stop the others
            if self._waiting:
                self._schedule()


class Share:
    """The events that one connection may handle before it must wait."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._left = 0

    def renew(self) -> None:
        """Begin a new share."""
        self._left = SHARE

    def take(self) -> bool:
        """Count one event; returns False if the share or the turn is used up."""
        if self._left <= 0 or not self._turns.take():
            return False
        self._left -= 1
        return True

    def take_more(self, events: int) -> None:
        """Count an event that took as long as 1 + `events` of them."""
        self._left -= events
        self._turns.take_more(events)


class FormTime:
    """The time that all forms together may be parsed in one turn, first come first served.

    One slice of a form is parsed however long it takes.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._spent = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[], bool]]:
        """Wait for some time; yields a function that says whether it is used up."""
        async with self._lock:
            while self._spent > FORM_SECONDS:
                await asyncio.sleep(0)
            before = self._spent
            if not before:
                asyncio.get_running_loop().call_soon(self._renew)
            began = time.perf_counter()

            def used_up() -> bool:
                self._spent = before + time.perf_counter() - began
                return self._spent > FORM_SECONDS

            try:
                yield used_up
            finally:
                used_up()

    def _renew(self) -> None:
        self._spent = 0.0
