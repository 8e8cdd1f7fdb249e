"""A bounded number of requests at a stage, and refusal at once beyond it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ocrnet.errors import Overloaded


class Admission:
    """Counts requests at one stage; belongs to one event loop, so it needs no lock."""

    def __init__(self, stage: str, limit: int, retry_after: int):
        """stage: how the refusal calls it, as in "4 requests are in work"."""
        self._stage = stage
        self._limit = limit
        self._retry_after = retry_after
        self._taken = 0

    def check(self) -> None:
        """Raise Overloaded if no place is free now."""
        if self._taken >= self._limit:
            raise Overloaded(
                f"{self._taken} requests are {self._stage}, {self._limit} are allowed: "
                f"try again in {self._retry_after} s",
                self._retry_after,
            )

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one place for the block; raises Overloaded at once if none is free."""
        self.check()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
