"""JPEG files: every kind that cameras and presses write, and every kind of damage."""

import struct
from io import BytesIO

import cv2
import numpy as np
import simplejpeg
from PIL import Image

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def jpeg(image: np.ndarray, **options: object) -> bytes:
    """Encode with Pillow: uint8 (H, W) or (H, W, 3)."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", **{"quality": 95, **options})
    return file.getvalue()


def subsampled(image: np.ndarray, subsampling: str) -> bytes:
    """subsampling: 444, 422, 420, 440 or 411."""
    pixels = np.ascontiguousarray(image)
    return simplejpeg.encode_jpeg(pixels, 95, "RGB", subsampling)


def inks(image: np.ndarray) -> np.ndarray:
    """RGB → CMYK, as much black as there is: uint8 (H, W, 4), 255 is all ink."""
    levels = image.astype(float) / 255
    black = 1 - levels.max(axis=2)
    left = np.maximum(1 - black, 1e-6)[..., None]
    colour = (1 - levels - black[..., None]) / left
    return np.round(np.concatenate([colour, black[..., None]], axis=2) * 255).astype(np.uint8)


def cmyk(image: np.ndarray) -> bytes:
    """As Adobe's programs write it: inverted, with their marker."""
    file = BytesIO()
    Image.fromarray(inks(image), mode="CMYK").save(file, "JPEG", quality=95)
    return file.getvalue()


def ycck(image: np.ndarray) -> bytes:
    """CMYK whose three colours are stored as luminance and chrominance."""
    four = inks(image)
    luminance = cv2.cvtColor(np.ascontiguousarray(four[..., :3]), cv2.COLOR_RGB2YCrCb)[
        ..., [0, 2, 1]
    ]
    file = BytesIO()
    stored = np.concatenate([255 - luminance, four[..., 3:]], axis=2)
    Image.fromarray(stored, mode="CMYK").save(file, "JPEG", quality=95)
    data = bytearray(file.getvalue())
    data[data.index(b"\xff\xeeAdobe"[:2]) + 15] = 2
    return bytes(data)


def without_adobe_marker(data: bytes) -> bytes:
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(data: bytes, segments: bytes) -> bytes:
    """Put segments behind the start of the image."""
    return data[:2] + segments + data[2:]


def with_frame(data: bytes, marker: int, precision: int = 8) -> bytes:
    """Change what kind of JPEG the frame header claims."""
    at = data.index(b"\xff\xc0")
    return (
        data[: at + 1]
        + bytes([marker])
        + data[at + 2 : at + 4]
        + bytes([precision])
        + data[at + 5 :]
    )


def frame_only(width: int, height: int) -> bytes:
    """Signature, frame header and the start of a scan, no data."""
    body = struct.pack(">BHHB", 8, height, width, 3) + b"\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    return SOI + segment(0xC0, body) + b"\xff\xda\x00\x02"


def many_scans(image: np.ndarray, scans: int) -> bytes:
    """A progressive picture whose last scan is repeated."""
    data = jpeg(image, progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + EOI


def swapped_restarts(image: np.ndarray) -> bytes:
    """Restart markers in a wrong order."""
    data = bytearray(jpeg(image, restart_marker_blocks=4))
    data[data.index(b"\xff\xd1") + 1] = 0xD5
    return bytes(data)


def scrambled(image: np.ndarray) -> bytes:
    """Entropy-coded data overwritten with bits that are no code."""
    data = bytearray(jpeg(image))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xfe" * 64
    return bytes(data)


def mpo(first: np.ndarray, second: np.ndarray) -> bytes:
    """Two pictures in one file, as phones write them."""
    file = BytesIO()
    Image.fromarray(first).save(
        file, "MPO", save_all=True, append_images=[Image.fromarray(second)], quality=95
    )
    return file.getvalue()
