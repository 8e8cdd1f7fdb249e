"""A bounded number of requests at a stage, and refusal at once beyond it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ocrnet.errors import Overloaded


class Admission:
    """Counts requests at one stage; belongs to one event loop, so it needs no lock."""

    def __init__(self, stage: str, limit: int, retry_after: int, *, most_bytes: int | None = None):
        """stage: how the refusal calls it, as in "4 requests are in work".

        most_bytes: what they may hold together; None: any.
        """
        self._stage = stage
        self._limit = limit
        self._most_bytes = most_bytes
        self._retry_after = retry_after
        self.taken = 0
        self._bytes = 0

    def check_room(self, size: int = 0) -> None:
        """Raise Overloaded if there is no place, or no room for so many bytes, now."""
        if self.taken >= self._limit:
            raise Overloaded(
                f"{self.taken} requests are {self._stage}, {self._limit} are allowed: "
                f"try again in {self._retry_after} s",
                self._retry_after,
            )
        self._check_bytes(size)

    @contextmanager
    def slot(self, size: int = 0) -> Iterator["Place"]:
        """Hold one place and so many bytes for the block; raises Overloaded at once without."""
        self.check_room(size)
        self.taken += 1
        self._bytes += size
        place = Place(self, size)
        try:
            yield place
        finally:
            self.taken -= 1
            self._bytes -= place.bytes

    def change(self, held: int, wanted: int) -> None:
        """Give so many bytes back for others; raises Overloaded if there is no room for these."""
        self._check_bytes(wanted - held)
        self._bytes += wanted - held

    def _check_bytes(self, more: int) -> None:
        if self._most_bytes is not None and self._bytes + more > self._most_bytes:
            raise Overloaded(
                f"requests {self._stage} hold {self._bytes} bytes, {more} more would pass "
                f"{self._most_bytes}: try again in {self._retry_after} s",
                self._retry_after,
            )


class Place:
    """A place that is held, and the bytes with it."""

    def __init__(self, admission: Admission, size: int):
        self._admission = admission
        self.bytes = size

    def hold(self, size: int) -> None:
        """Hold so many bytes from now on instead; raises Overloaded at once without room."""
        self._admission.change(self.bytes, size)
        self.bytes = size
