"""PNG files made by hand: every kind of pixel, and every kind of damage."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
          (1, 0, 2, 1))  # fmt: skip
Chunk = tuple[bytes, bytes]


def chunk(kind: bytes, body: bytes = b"", *, damage: int = 0) -> bytes:
    """damage: what the checksum is changed by."""
    checksum = zlib.crc32(kind + body) ^ damage
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def header(
    width: int, height: int, depth: int = 8, colour: int = RGB, interlaced: int = 0
) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def pixels(samples: np.ndarray, depth: int = 8, *, interlaced: bool = False) -> bytes:
    """samples: (H, W) or (H, W, channels) → filtered rows, not yet compressed."""
    if samples.ndim == 2:
        samples = samples[..., None]
    rows = bytearray()
    for top, left, down, right in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        for row in samples[top::down, left::right]:
            if row.size:
                rows += b"\0" + _packed(row.ravel(), depth)
    return bytes(rows)


def _packed(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits.ravel()).tobytes()


def png(
    samples: np.ndarray,
    colour: int = RGB,
    depth: int = 8,
    *,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """before, after: chunks in front of and behind the pixels."""
    height, width = samples.shape[:2]
    body = zlib.compress(pixels(samples, depth, interlaced=interlaced))
    head = SIGNATURE + header(width, height, depth, colour, int(interlaced))
    return head + before + chunk(b"IDAT", body) + after + chunk(b"IEND")


def one_colour(side: int) -> bytes:
    """side × side black pixels of one bit: a few MB for any side that fits a bomb."""
    rows = zeros((side // 8 + (side % 8 > 0) + 1) * side)
    head = SIGNATURE + header(side, side, 1, GREY)
    return head + chunk(b"IDAT", rows) + chunk(b"IEND")


def zeros(length: int) -> bytes:
    """A zlib stream of so many zero bytes, made without compressing them all."""
    packer = zlib.compressobj(9)
    step = 2**20
    start = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(step)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(length % step)) + packer.flush(zlib.Z_FULL_FLUSH)
    if length < 2 * step:
        return zlib.compress(bytes(length), 9)
    # s1 of Adler-32 stays 1 and s2 counts the bytes.
    checksum = length % 65521 << 16 | 1
    return start + again * (length // step - 1) + rest + b"\x03\0" + struct.pack(">I", checksum)
