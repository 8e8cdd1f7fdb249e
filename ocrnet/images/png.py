"""The structure of a PNG file. Source: W3C Portable Network Graphics (Third Edition)."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

from ocrnet.images.exif import read_orientation
from ocrnet.images.header import (
    ImageLimits,
    Stored,
    animated,
    check_size,
    damaged,
    truncated,
)
from ocrnet.images.inflate import inflated_length
from ocrnet.images.png_rows import checked_rows
from ocrnet.zoo.spec import Size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8, 16),
    _RGBA: (8, 16),
}  # fmt: skip
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_MOST_CHUNKS = 16_384
_MOST_TEXT = 2**20
_MOST_PROFILE = 4 * 2**20


def inspect_png(data: bytes, limits: ImageLimits) -> Stored:
    """Walk the chunks; what is left for the decoder is the header, the palette and the pixels.

    Checksums count in the chunks that the picture needs (upper-case first letter); another
    chunk with a wrong one is passed over. Raises PictureTooLarge from the header,
    UndecodablePicture for damage, animation, and text or a profile that inflates too far.
    """
    header: bytes | None = None
    palette: bytes | None = None
    pixels: list[memoryview] = []
    exif: list[bytes] = []
    inflated: Counter[str] = Counter()
    for kind, body, intact in _chunks(data):
        if (header is None) != (kind == b"IHDR"):
            raise damaged("PNG", "its header does not come first, or comes twice")
        if not intact:
            if kind[0] & 0x20:
                continue
            raise damaged("PNG", f"the checksum of a chunk {kind.decode('latin-1')!r} is wrong")
        if kind == b"IHDR":
            header = bytes(body)
            _check_header(header, limits)
        elif kind == b"PLTE":
            palette = bytes(body)
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"acTL":
            raise animated("PNG")
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            _count_inflated(kind, bytes(body), inflated)
        elif kind == b"eXIf":
            exif.append(bytes(body))
        elif not kind[0] & 0x20 and kind != b"IEND":
            raise damaged("PNG", f"a chunk {kind.decode('latin-1')!r} cannot be read")
    if header is None or not pixels:
        raise damaged("PNG", "it has no pixels")
    joined = pixels[0] if len(pixels) == 1 else b"".join(pixels)
    return _stored(header, palette, joined, read_orientation(exif))


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Kind, body and whether the checksum is right, of every chunk up to IEND."""
    at = len(SIGNATURE)
    view = memoryview(data)
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
        body = view[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        yield kind, body, zlib.crc32(body, zlib.crc32(kind)) == checksum
        if kind == b"IEND":
            return
        at += 12 + length
    raise damaged("PNG", f"it has more than {_MOST_CHUNKS} chunks")


def _check_header(header: bytes, limits: ImageLimits) -> None:
    if len(header) != 13:
        raise damaged("PNG", "its header has a wrong length")
    width, height, depth, colour, *methods, interlaced = struct.unpack(">IIBBBBB", header)
    if depth not in _DEPTHS.get(colour, ()) or any(methods) or interlaced > 1:
        raise damaged("PNG", "its header names a kind of pixel that there is not")
    check_size(Size(height, width), limits)


def _count_inflated(kind: bytes, body: bytes, inflated: Counter[str]) -> None:
    """Raise once a file's compressed texts, or profiles, are absurdly long together.

    What they say is not used.
    """
    name, most = ("profiles", _MOST_PROFILE) if kind == b"iCCP" else ("texts", _MOST_TEXT)
    after_name = body.partition(b"\0")[2]
    if kind == b"iTXt":
        if after_name[:1] != b"\1":
            return
        packed = after_name[2:].split(b"\0", 2)[-1]
    else:
        packed = after_name[1:]
    inflated[name] += inflated_length(packed, most - inflated[name])
    if inflated[name] > most:
        raise damaged("PNG", f"its {name} inflate to more than {most} bytes")


def _stored(
    header: bytes, palette: bytes | None, body: bytes | memoryview, orientation: int
) -> Stored:
    width, height, depth, colour, *_, interlaced = struct.unpack(">IIBBBBB", header)
    size, bits = Size(height, width), depth * _CHANNELS[colour]
    body = checked_rows(body, size, bits, interlaced=bool(interlaced))
    if colour == _PALETTE:
        if palette is None or not 3 <= len(palette) <= 768 or len(palette) % 3:
            raise damaged("PNG", "its palette is missing or has a wrong length")
        # As grey, so that the decoder hands out indices.
        header = struct.pack(">IIBBBBB", width, height, depth, _GREY, 0, 0, interlaced)
        held = 1
    else:
        palette = None
        held = 3  # OpenCV converts into a second picture
    if interlaced:
        held += max(bits // 8, 1)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    file = b"".join([SIGNATURE, *(part for chunk in chunks for part in _parts(*chunk))])
    return Stored("PNG", size, orientation, file, held, palette=palette, palette_bits=depth)


def _parts(kind: bytes, body: bytes | memoryview) -> tuple[bytes, bytes, bytes | memoryview, bytes]:
    """Of a chunk: length, kind, body, checksum."""
    checksum = zlib.crc32(body, zlib.crc32(kind))
    return struct.pack(">I", len(body)), kind, body, struct.pack(">I", checksum)
