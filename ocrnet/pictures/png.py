"""The structure of a PNG file. Source: W3C Portable Network Graphics (Third Edition)."""

import struct
import zlib
from collections.abc import Iterator

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

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8, 16),
    _RGBA: (8, 16),
}  # fmt: skip
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
# First row, first column, step down, step right of each pass of an interlaced picture.
_ADAM7 = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
    (1, 0, 2, 1),
)  # fmt: skip
_MOST_CHUNKS = 16_384
_MOST_TEXT = 2**20
_MOST_PROFILE = 4 * 2**20
_STEP = 2**16


def inspect_png(data: bytes, limits: PictureLimits) -> Stored:
    """Walk the chunks; what is left for the decoder is the header, the palette and the pixels.

    Checksums count in the chunks that the picture needs (upper-case first letter); another
    chunk with a wrong one is passed over. Raises PictureTooLarge from the header,
    UndecodablePicture for damage, animation, and text or a profile that inflates too far.
    """
    header: bytes | None = None
    palette: bytes | None = None
    pixels: list[bytes] = []
    orientation = 1
    for kind, body, intact in _chunks(data):
        if (header is None) != (kind == b"IHDR"):
            raise damaged("PNG", "its header does not come first, or comes twice")
        if not intact:
            if kind[0] & 0x20:
                continue
            raise damaged("PNG", f"the checksum of a chunk {kind.decode('latin-1')!r} is wrong")
        if kind == b"IHDR":
            header = body
            _check_header(header, limits)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"acTL":
            raise animated("PNG")
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            _check_inflated(kind, body)
        elif kind == b"eXIf":
            orientation = read_orientation(body)
        elif not kind[0] & 0x20 and kind != b"IEND":
            raise damaged("PNG", f"a chunk {kind.decode('latin-1')!r} cannot be read")
    if header is None or not pixels:
        raise damaged("PNG", "it has no pixels")
    return _stored(header, palette, pixels, orientation)


def chunk(kind: bytes, body: bytes) -> bytes:
    """Put a chunk together: length, kind, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Kind, body and whether the checksum is right, of every chunk up to IEND."""
    at = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(data):
            raise truncated("PNG")
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if not kind.isalpha():
            raise damaged("PNG", "a chunk has no name")
        if at + 12 + length > len(data):
            if kind == b"IHDR":
                raise damaged("PNG", "its header has a wrong length")
            raise truncated("PNG")
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        yield kind, body, zlib.crc32(body, zlib.crc32(kind)) == checksum
        if kind == b"IEND":
            return
        at += 12 + length
    raise damaged("PNG", f"it has more than {_MOST_CHUNKS} chunks")


def _check_header(header: bytes, limits: PictureLimits) -> None:
    if len(header) != 13:
        raise damaged("PNG", "its header has a wrong length")
    width, height, depth, colour, *methods, interlaced = struct.unpack(">IIBBBBB", header)
    if depth not in _DEPTHS.get(colour, ()) or any(methods) or interlaced > 1:
        raise damaged("PNG", "its header names a kind of pixel that there is not")
    check_size(Size(height, width), limits)


def _check_inflated(kind: bytes, body: bytes) -> None:
    """Raise for compressed text or a profile that is absurdly long; what it says is not used."""
    most = _MOST_PROFILE if kind == b"iCCP" else _MOST_TEXT
    after_name = body.partition(b"\0")[2]
    if kind == b"iTXt":
        if after_name[:1] != b"\1":
            return
        packed = after_name[2:].split(b"\0", 2)[-1]
    else:
        packed = after_name[1:]
    if _inflated_length(packed, most) > most:
        name = "profile" if kind == b"iCCP" else "text"
        raise damaged("PNG", f"its {name} inflates to more than {most} bytes")


def _inflated_length(packed: bytes, most: int) -> int:
    """How long a zlib stream gets, counted no further than past `most`; what breaks off ends."""
    stream, length = zlib.decompressobj(), 0
    try:
        while length <= most and not stream.eof:
            piece = stream.decompress(packed, _STEP)
            packed = stream.unconsumed_tail
            if not piece and not packed:
                break
            length += len(piece)
    except zlib.error:
        pass
    return length


def _stored(header: bytes, palette: bytes | None, pixels: list[bytes], orientation: int) -> Stored:
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", header)
    body = b"".join(pixels)
    expected = _raw_length(width, height, depth * _CHANNELS[colour], interlaced)
    if _inflated_length(body, expected - 1) < expected:
        raise truncated("PNG")
    chunks = [chunk(b"IDAT", body), chunk(b"IEND", b"")]
    if colour == _PALETTE:
        if palette is None or not 3 <= len(palette) <= 768 or len(palette) % 3:
            raise damaged("PNG", "its palette is missing or has a wrong length")
        # As grey, so that the decoder hands out indices.
        header = struct.pack(">IIBBBBB", width, height, depth, _GREY, 0, 0, interlaced)
    else:
        palette = None
    file = SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks)
    held = depth * _CHANNELS[colour] // 8 if interlaced or colour == _PALETTE else 0
    return Stored(
        "PNG", Size(height, width), orientation, file, held, palette=palette, palette_bits=depth
    )


def _raw_length(width: int, height: int, bits: int, interlaced: int) -> int:
    """Bytes of all rows, each with its filter byte, before compression."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    total = 0
    for first_row, first_column, down, right in passes:
        rows, columns = -(-(height - first_row) // down), -(-(width - first_column) // right)
        if rows > 0 and columns > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total
