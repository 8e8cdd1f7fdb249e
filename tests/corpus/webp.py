"""WebP files and damage to them."""

import struct
from io import BytesIO

import numpy as np
from PIL import Image


def webp(image: np.ndarray, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "WEBP", **{"lossless": True, **options})
    return file.getvalue()


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
