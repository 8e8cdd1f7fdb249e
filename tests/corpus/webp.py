"""WebP files and damage to them."""

import struct
from io import BytesIO

import numpy as np
from PIL import Image


def webp(image: np.ndarray, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "WEBP", **{"lossless": True, **options})
    return file.getvalue()


def riff(*chunks: tuple[str, bytes]) -> bytes:
    """A file of chunks, each a name and a body."""
    parts = [
        name.encode() + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
        for name, body in chunks
    ]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def extended(width: int, height: int, *chunks: tuple[str, bytes], flags: int = 0) -> bytes:
    """A file with a head, VP8X, before the other chunks."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    return riff(("VP8X", struct.pack("<I", flags) + sides), *chunks)


def body(data: bytes, name: str) -> bytes:
    """The body of a file's first chunk of that name."""
    at = data.index(name.encode())
    (length,) = struct.unpack_from("<I", data, at + 4)
    return data[at + 8 : at + 8 + length]


def with_length(data: bytes, change: int) -> bytes:
    """Let the head lie about the file's length."""
    (length,) = struct.unpack_from("<I", data, 4)
    return data[:4] + struct.pack("<I", length + change) + data[8:]


def header_only(width: int, height: int) -> bytes:
    body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + body


def animated(frames: list[np.ndarray]) -> bytes:
    file = BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(file, "WEBP", save_all=True, append_images=others, duration=40)
    return file.getvalue()
