"""EXIF blocks, whole and broken."""

import struct

import numpy as np

HEAD = b"Exif\0\0"
_SHORT, _ASCII, _LONG = 3, 2, 4


def tiff(*entries: tuple[int, int, int, int], start: int = 8, following: int = 0) -> bytes:
    """One directory; an entry is tag, type, count, value. following: offset of the next one."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", start, len(entries)) + body + struct.pack("<I", following)


def orientation(value: int) -> bytes:
    return tiff((0x0112, _SHORT, 1, value))


ODD = {
    "0": orientation(0),
    "9": orientation(9),
    "65535": orientation(65535),
    "of a wrong type": tiff((0x0112, _ASCII, 1, 6)),
    "as LONG": tiff((0x0112, _LONG, 1, 6)),
    "twice": tiff((0x0112, _SHORT, 1, 6), (0x0112, _SHORT, 1, 3)),
}
BROKEN = {
    "looping": tiff((0x010E, _ASCII, 70000, 8), following=8),
    "cut off": orientation(6)[:15],
    "an offset past the end": tiff(start=2**31),
    "65535 entries": b"II*\0" + struct.pack("<IH", 8, 65535),
    "neither byte order": b"XX*\0" + bytes(20),
}


def stored(upright: np.ndarray, value: int) -> np.ndarray:
    """How a camera stores a picture that the orientation `value` makes upright again."""
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(turned[value])
