"""The structure of a WebP file. Source: RFC 9649, section 2."""

import struct
from collections.abc import Iterator

from ocrnet.errors import UndecodablePicture
from ocrnet.images.exif import read_orientation
from ocrnet.images.header import (
    ImageLimits,
    Stored,
    animated,
    check_size,
    damaged,
    truncated,
)
from ocrnet.images.vp8l import lossless_memory
from ocrnet.zoo.spec import Size

_MOST_CHUNKS = 256
_ANIMATION = 0x02
_LOSSLESS_HEADER = 5  # bytes: signature, size, alpha, version
# Bytes that decoding holds of each pixel besides the result: of a lossless one four channels twice
# at first, of a lossy one the result twice.
_HELD = 5
_SMALLEST_FILE = (
    32  # bytes that OpenCV looks at; it ignores what follows the end that the head names
)


def inspect_webp(data: bytes, limits: ImageLimits) -> Stored:
    """Walk the chunks; what is left for the decoder is the one with the pixels.

    OpenCV would read EXIF, where 8 MB can mean a minute of work. The alpha channel of lossy pixels,
    which would be dropped, is a chunk of its own. Raises PictureTooLarge from the header,
    UndecodablePicture for damage.
    """
    size: Size | None = None
    pixels: tuple[bytes, memoryview] | None = None
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
        if kind in (b"VP8 ", b"VP8L") and pixels is None:
            pixels = kind, body
            if _size(kind, body) != size:
                raise damaged("WebP", "its head and its pixels say different sizes")
        elif kind == b"EXIF":
            exif.append(bytes(body))
    if size is None or pixels is None:
        raise damaged("WebP", "it has no picture in it")
    kind, body = pixels
    orientation = read_orientation(exif)
    more = lossless_memory(body[_LOSSLESS_HEADER:], size) if kind == b"VP8L" else 0
    return Stored("WebP", size, orientation, _file(kind, body), _HELD, more)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and body of every chunk; the file's length must be what its head says."""
    (riff,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff
    at = 12
    view = memoryview(data)
    for _ in range(_MOST_CHUNKS):
        if at == end or at + 1 == end:
            if len(data) > end + riff % 2:
                raise damaged("WebP", "it goes on after the end that its head names")
            return
        if at + 8 > min(len(data), end):
            raise _too_short(data, end)
        kind = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        body = view[at + 8 : at + 8 + length]
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


def _size(kind: bytes, body: memoryview) -> Size:
    if kind == b"VP8X" and len(body) >= 10:
        width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
        return Size(height + 1, width + 1)
    if kind == b"VP8L" and len(body) >= _LOSSLESS_HEADER and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return Size(1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF))
    if kind == b"VP8 " and len(body) >= 10 and bytes(body[3:6]) == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return Size(height & 0x3FFF, width & 0x3FFF)
    raise damaged("WebP", "its size cannot be read")


def _file(kind: bytes, body: memoryview) -> bytes:
    """A file of one chunk."""
    padding = bytes(len(body) % 2)
    length = 12 + len(body) + len(padding)
    head = struct.pack("<4sI4s4sI", b"RIFF", length, b"WEBP", kind, len(body))
    return b"".join([head, body, padding]).ljust(_SMALLEST_FILE, b"\0")
