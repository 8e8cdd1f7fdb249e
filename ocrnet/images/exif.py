"""The one EXIF tag that matters here. Source: EXIF 2.32 (CIPA DC-008), section 4.6.2."""

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_UPRIGHT = 1


def read_orientation(blocks: list[bytes]) -> int:
    """Return the orientation, 1 to 8, from a file's EXIF blocks; 1 for whatever cannot be read.

    Only the first directory is looked at, entry by entry, so nothing can loop. Two blocks, two
    orientation tags, a wrong type or a value that there is not count as none.
    """
    if len(blocks) != 1:
        return _UPRIGHT
    tiff = blocks[0].removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return _UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return _UPRIGHT
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    found = []
    for entry in range(entries):
        at = start + 2 + 12 * entry
        if at + 12 > len(tiff):
            break
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if tag == _ORIENTATION:
            found.append(value if (kind, count) == (_SHORT, 1) else 0)
    return found[0] if len(found) == 1 and 1 <= found[0] <= 8 else _UPRIGHT
