"""The structure of a WebP file. Source: RFC 9649, section 2."""

import struct
from collections.abc import Iterator

from ocrnet.errors import UndecodablePicture
from ocrnet.pictures.exif import read_orientation
from ocrnet.pictures.header import (
    PictureLimits,
    Stored,
    animated,
    check_size,
    damaged,
    truncated,
)
from ocrnet.zoo.spec import Size

_MOST_CHUNKS = 256
_ANIMATION = 0x02


def inspect_webp(data: bytes, limits: PictureLimits) -> Stored:
    """Walk the chunks. Raises PictureTooLarge from the header, UndecodablePicture for damage."""
    size: Size | None = None
    pixels = False
    exif = []
    for kind, body in _chunks(data):
        if size is None:
            size = _size(kind, body)
            check_size(size, limits)  # before a later chunk is found cut off
            if kind == b"VP8X" and body[0] & _ANIMATION:
                raise animated("WebP")
        elif kind == b"VP8X":
            raise damaged("WebP", "its head comes twice")
        if kind in (b"ANIM", b"ANMF"):
            raise animated("WebP")
        if kind in (b"VP8 ", b"VP8L"):
            pixels = True
        elif kind == b"EXIF":
            exif.append(body)
    if size is None or not pixels:
        raise damaged("WebP", "it has no picture in it")
    return Stored("WebP", size, read_orientation(exif), data, 5)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of every chunk; the file's length must be what its head says."""
    (riff,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at == end or at + 1 == end:
            if len(data) > end + riff % 2:
                raise damaged("WebP", "it goes on after the end that its head names")
            return
        if at + 8 > min(len(data), end):
            raise _too_short(data, end)
        kind = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length or at + 8 + length > end:
            # The size is in the first bytes of the first chunk: a bomb is named so even if cut.
            if at == 12 and len(body) >= 10:
                yield kind, body
            raise _too_short(data, end)
        yield kind, body
        at += 8 + length + length % 2
    raise damaged("WebP", f"it has more than {_MOST_CHUNKS} chunks")


def _too_short(data: bytes, end: int) -> UndecodablePicture:
    return truncated("WebP") if len(data) < end else damaged("WebP", "its lengths contradict")


def _size(kind: bytes, body: bytes) -> Size:
    if kind == b"VP8X" and len(body) >= 10:
        width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
        return Size(height + 1, width + 1)
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return Size(1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF))
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return Size(height & 0x3FFF, width & 0x3FFF)
    raise damaged("WebP", "its first chunk is no picture's")
