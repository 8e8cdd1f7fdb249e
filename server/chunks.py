"""Limits on how a chunked body is divided.

The HTTP parser takes about as long for a chunk of one byte as for one of 64 KiB, so a body of tiny
chunks costs thousands of times its share. Clients send chunks as large as their buffers: Node and
curl up to 64 KiB, Go 32 KiB, Python's http.client and Java 8 KiB, .NET 4 KiB and more. A few are
small: the last one, and the boundaries and headers of a form. The smallest that a client is known
to send throughout are the lines of a file, from an iterator over it; in compressed data these have
256 bytes on average.
"""

from server.head import refuse_http
from server.problems import RequestError

FREE_CHUNKS = 256
BYTES_PER_CHUNK = 128
# Chunk sizes, line ends, extensions and trailers together, bounded as in Go's net/http: an
# allowance, some bytes for every chunk, and twice the data.
_FREE_FRAMING = 16 * 1024
_FRAMING_PER_CHUNK = 16


class ChunkLimits:
    """Counts the chunks of one body: it may have 256, and one more for every 128 bytes."""

    def __init__(self) -> None:
        self._chunks = 0
        self._data = 0
        self._framing = 0

    def add(self, *, ends: bool, data: int, framing: int) -> None:
        """Count a parsed piece; raises RequestError when the body passes a limit.

        ends: whether a chunk ends with it. data: its bytes of the body. framing: all others.
        """
        self._chunks += ends
        self._data += data
        self._framing += framing
        if self._chunks > FREE_CHUNKS + self._data // BYTES_PER_CHUNK:
            mean = self._data / self._chunks
            raise _refuse(
                f"the first {self._chunks} chunks of the body have {mean:.1f} bytes on average; "
                f"send chunks of at least {BYTES_PER_CHUNK} bytes, or Content-Length"
            )
        allowed = _FREE_FRAMING + _FRAMING_PER_CHUNK * self._chunks + 2 * self._data
        if self._framing > allowed:
            raise _refuse(
                f"chunk sizes, extensions and trailers have {self._framing} bytes for "
                f"{self._data} bytes of data; send chunks without extensions, or Content-Length"
            )


def _refuse(detail: str) -> RequestError:
    return refuse_http(400, "tiny_chunks", detail)
