"""How a chunked body may be divided: its chunk sizes, strictly read, and limits.

The HTTP parser takes about as long for a chunk of one byte as for one of 64 KiB, so a body of tiny
chunks costs thousands of times its share. Clients send chunks as large as their buffers: Node and
curl up to 64 KiB, Go 32 KiB, Python's http.client and Java 8 KiB, .NET 4 KiB and more. A few are
small: the last one, and the boundaries and headers of a form. The smallest that a client is known
to send throughout are the lines of a file, from an iterator over it; in compressed data these have
256 bytes on average.
"""

import re

from server.head import MOST_LENGTH, refuse_http, shown
from server.problems import RequestError

FREE_CHUNKS = 256
BYTES_PER_CHUNK = 128
# Chunk sizes, line ends, extensions and trailers together, bounded as in Go's net/http: an
# allowance, some bytes for every chunk, and twice the data.
_FREE_FRAMING = 16 * 1024
_FRAMING_PER_CHUNK = 16
_BEGINNING = re.compile(rb"[0-9A-Fa-f]{1,16}(?:[;\r]|\Z)")
# A size, then perhaps extensions: anything printable, so that none begins or ends a line elsewhere.
_SIZE_LINE = re.compile(
    rb"(?P<size>[0-9A-Fa-f]{1,16})(?:;[ \t]*[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?"
)


class SizeLines:
    """Follows the lines between the chunks of one body and checks those that give a size.

    h11 accepts sizes of 20 digits, blanks after a size, and any byte in an extension.
    """

    def __init__(self) -> None:
        self._line_end = 0  # bytes left of the line end behind a chunk's data
        self._in_chunk = False
        self._in_trailers = False

    def add(self, framing: bytes, *, data: int, ends: bool) -> None:
        """Check what was parsed at once: `framing`, then `data` bytes of a chunk.

        ends: whether a chunk ends with that data. Raises RequestError.
        """
        line_end = min(self._line_end, len(framing))
        self._line_end -= line_end
        rest = framing[line_end:]
        if rest and not self._in_trailers:  # h11 takes such a line whole, and no second one
            size = _read_size(rest.partition(b"\r\n")[0])
            self._in_trailers = size == 0
            self._in_chunk = size > 0
        if data and ends:
            self._in_chunk = False
            self._line_end = 2

    def check_incomplete(self, waiting: bytes) -> None:
        """Refuse the beginning of a line that cannot become valid; raises RequestError."""
        between = not (self._in_chunk or self._in_trailers or self._line_end)
        if between and waiting and not _BEGINNING.match(waiting):
            raise _bad_size(waiting.partition(b"\r")[0])


def _read_size(line: bytes) -> int:
    match = _SIZE_LINE.fullmatch(line)
    if match is None or int(match["size"], 16) > MOST_LENGTH:
        raise _bad_size(line)
    return int(match["size"], 16)


def _bad_size(line: bytes) -> RequestError:
    return refuse_http(
        400,
        "bad_http",
        f"a chunk of the body begins with {shown(line)}; it begins with its size, 1 to 16 "
        "hexadecimal digits below 2^63, then optionally ; and an extension, and CRLF",
    )


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
