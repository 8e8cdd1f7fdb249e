"""Inflating a little at a time, so that nobody can make a small file large."""

import zlib
from collections.abc import Iterator

from ocrnet.concurrency import stop_if_cancelled
from ocrnet.memory_errors import memory_errors

_STEP = 2**16


class Inflated:
    """What a zlib stream holds, at most 64 KiB at a time; it may end before its end.

    Iterating raises zlib.error for data that is damaged, OutOfMemory, and WorkCancelled in a thread
    that nobody waits for any more.
    """

    def __init__(self, packed: bytes | memoryview):
        self._packed = memoryview(packed)
        self.used = 0  # bytes of the stream itself; known once it has ended

    def __iter__(self) -> Iterator[bytes]:
        with memory_errors():
            stream = zlib.decompressobj()
            for at in range(0, len(self._packed), _STEP):  # whole, the rest would be copied often
                waiting: bytes | memoryview = self._packed[at : at + _STEP]
                end = at + len(waiting)
                while True:
                    stop_if_cancelled()
                    piece = stream.decompress(waiting, _STEP)
                    waiting = stream.unconsumed_tail
                    if piece:
                        yield piece
                    if stream.eof:
                        self.used = end - len(stream.unused_data)
                        return
                    if not waiting and len(piece) < _STEP:
                        break


def inflated_length(packed: bytes | memoryview, most: int) -> int:
    """How long a zlib stream gets, counted no further than past `most`; what breaks off ends."""
    length = 0
    try:
        for piece in Inflated(packed):
            length += len(piece)
            if length > most:
                break
    except zlib.error:
        pass
    return length
