"""How long a test waits for what has to come, in one place: none fails on a slow machine.

A test states the seconds that it takes on two cores with nothing beside it, and waits ten times as
long. TEST_PATIENCE multiplies that for machines that are slower still: TEST_PATIENCE=3 make test.
What is waited for is an event, not a time: after `sleep` nothing is certain on a slow machine.
"""

import os
import time
from collections.abc import Callable, Iterator

_TIMES = 10 * max(1.0, float(os.environ.get("TEST_PATIENCE", "1")))
_LONGER = 4


def patience(seconds: float) -> float:
    """Return the limit, in seconds, of what takes `seconds`; never under ten."""
    return _TIMES * max(seconds, 1.0)


def wait_until(condition: Callable[[], object], *, seconds: float, what: object = None) -> None:
    """Wait until `condition()` holds, which takes about `seconds`; else fail with `what`."""
    until = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < until, what() if callable(what) else what or condition
        time.sleep(0.01)


def ever_longer(seconds: float) -> Iterator[float]:
    """Limits that are meant to run out, from `seconds` on, each several times the one before.

    For where something has to be under way by then: who finds that it was not takes the next one.
    """
    limit = seconds
    while limit <= patience(seconds):
        yield limit
        limit *= _LONGER
