"""The compressed rows of a PNG picture. Source: W3C PNG (Third Edition), sections 7 to 10."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from ocrnet.images.header import damaged, truncated
from ocrnet.images.inflate import Inflated
from ocrnet.zoo.spec import Size

# First row, first column, step down, step right of each pass of an interlaced picture.
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip
_LAST_FILTER = 4
# Bytes of rows that may wait for the decoder: 4 million pixels of RGB, and more than are needed.
_MOST_KEPT = 16 * 2**20


@dataclass(frozen=True)
class _Pass:
    """Rows of one pass in the inflated data; each begins with its filter's number."""

    start: int
    stop: int
    row_bytes: int


def checked_rows(
    body: bytes | memoryview, size: Size, bits: int, *, interlaced: bool
) -> bytes | memoryview:
    """Return a zlib stream of a picture's rows and of nothing else.

    body: the data of all IDAT chunks; bits: of one pixel. Rows that are not too many are handed on
    as they were inflated, not compressed again: the decoder need not inflate them a second time.
    What the stream holds beyond the rows is not inflated: a decoder would, so such a stream is
    packed anew. What follows it is cut off.

    Raises UndecodablePicture if rows are missing, do not inflate, or have a filter that there is
    not.
    """
    passes = list(_passes(size, bits, interlaced=interlaced))
    expected = passes[-1].stop
    length = 0
    stream = Inflated(body)
    keeper = zlib.compressobj(0) if expected <= _MOST_KEPT else None
    kept = []
    try:
        for piece in stream:
            _check_filters(piece, length, passes)
            if keeper is not None:
                kept.append(keeper.compress(piece[: expected - length]))
            length += len(piece)
            if length > expected:
                break
    except zlib.error as error:
        raise damaged("PNG", "its pixels do not inflate") from error
    if length < expected:
        raise truncated("PNG")
    if keeper is not None:
        return b"".join([*kept, keeper.flush()])
    if length > expected:
        return _repacked(body, expected)
    return body[: stream.used] if stream.used else body


def _passes(size: Size, bits: int, *, interlaced: bool) -> Iterator[_Pass]:
    start = 0
    for first_row, first_column, down, right in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        rows, columns = (
            -(-(size.height - first_row) // down),
            -(-(size.width - first_column) // right),
        )
        if rows > 0 and columns > 0:
            row_bytes = 1 + (columns * bits + 7) // 8
            yield _Pass(start, start + rows * row_bytes, row_bytes)
            start += rows * row_bytes


def _check_filters(piece: bytes, offset: int, passes: list[_Pass]) -> None:
    """Libpng would complain of a wrong one on the process's own stderr."""
    for found in passes:
        rows_before = max(-(-(offset - found.start) // found.row_bytes), 0)
        first = found.start + rows_before * found.row_bytes - offset
        filters = piece[first : max(found.stop - offset, 0) : found.row_bytes]
        if max(filters, default=0) > _LAST_FILTER:
            raise damaged("PNG", "a row has a filter that there is not")


def _repacked(body: bytes | memoryview, length: int) -> bytes:
    packer = zlib.compressobj(1)
    packed = []
    for piece in Inflated(body):
        packed.append(packer.compress(piece[:length]))
        length -= len(piece)
        if length <= 0:
            break
    return b"".join([*packed, packer.flush()])
