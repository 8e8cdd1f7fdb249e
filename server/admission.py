"""A bounded number of requests in work, and refusal at once beyond it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ocrnet.errors import Overloaded


class Admission:
    """Counts requests in work; belongs to one event loop, so it needs no lock."""

    def __init__(self, limit: int, retry_after: int):
        self._limit = limit
        self._retry_after = retry_after
        self.in_work = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place for the block; raises Overloaded at once if none is free."""
        if self.in_work >= self._limit:
            raise Overloaded(
                f"{self.in_work} requests are in work, {self._limit} are allowed: "
                f"try again in {self._retry_after} s",
                self._retry_after,
            )
        self.in_work += 1
        try:
            yield
        finally:
            self.in_work -= 1
