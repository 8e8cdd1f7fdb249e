"""The structure of a JPEG file. Source: ITU-T T.81, annex B."""

import re
from dataclasses import dataclass, field

from ocrnet.errors import UndecodablePicture
from ocrnet.images.exif import read_orientation
from ocrnet.images.header import ImageLimits, Stored, check_size, damaged, truncated
from ocrnet.zoo.spec import Size

_SOI, _EOI, _SOS, _APP1, _APP2 = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # not tables, not reserved
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # no length follows
_MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_MOST_SEGMENTS = 4096
_MOST_SCANS = 256
# Scans times pixels, since every scan goes over the whole picture: 20 scans of the largest that is
# allowed by default; encoders write 10 or so.
_MOST_SCAN_PIXELS = 10**9
# Within a scan: a marker that is neither a stuffed byte nor a restart. No "+" before it: a long run
# of FF would be tried from each of its bytes.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_SEARCHED_AT_ONCE = 2**20  # a search holds the interpreter, and with it the event loop


@dataclass
class _Found:
    frame: int | None = None
    size: Size = field(default_factory=lambda: Size(0, 0))
    components: int = 0
    exif: list[bytes] = field(default_factory=list)
    profile_bytes: int = 0
    scans: int = 0
    interleaved: bool = True


def inspect_jpeg(data: bytes, limits: ImageLimits) -> Stored:
    """Walk the markers up to the first end-of-image; what follows is not looked at.

    So of several pictures in one file (MPO) the first counts. Raises PictureTooLarge from the
    frame header, UndecodablePicture for what no baseline or progressive 8-bit picture has.
    """
    found = _Found()
    at = 2
    for _ in range(_MOST_SEGMENTS):
        match = _MARKER.match(data, at)
        if match is None:
            if data[at:].strip(b"\xff"):
                raise damaged("JPEG", "between two segments stands something that is no marker")
            raise truncated("JPEG")
        marker, at = match[1][0], match.end()
        if marker == _EOI:
            if found.frame is None or not found.scans:
                raise damaged("JPEG", "it has no picture in it")
            return _stored(data[:at], found)
        if marker in _BARE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        segment = data[at + 2 : at + length]
        if at + max(length, 2) > len(data):
            raise truncated("JPEG")
        if length < 2 or marker in (0x00, _SOI):
            raise damaged("JPEG", "a segment has a wrong length or marker")
        at += length
        if marker in _FRAMES:
            _read_frame(marker, segment, found, limits)
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            found.exif.append(segment)
        elif marker == _APP2:
            found.profile_bytes += len(segment)
        elif marker == _SOS:
            found.interleaved &= segment[:1] == bytes([found.components])
            _count_scan(found)
            at = _next_marker(data, at)
    raise damaged("JPEG", f"it has more than {_MOST_SEGMENTS} segments")


def _read_frame(marker: int, segment: bytes, found: _Found, limits: ImageLimits) -> None:
    if found.frame is not None or len(segment) < 6:
        raise damaged("JPEG", "it has two frame headers, or a broken one")
    if marker not in (_BASELINE, _EXTENDED, _PROGRESSIVE) or segment[0] != 8:
        raise UndecodablePicture(
            "this kind of JPEG (arithmetic, lossless, hierarchical or 12-bit) is not read: "
            "send a baseline or progressive one of 8 bits",
            code="unsupported_variant",
        )
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    found.frame, found.size, found.components = marker, Size(height, width), segment[5]
    check_size(found.size, limits)


def _count_scan(found: _Found) -> None:
    found.scans += 1
    if found.scans > _MOST_SCANS or found.scans * found.size.pixels > _MOST_SCAN_PIXELS:
        raise UndecodablePicture(
            f"the JPEG picture has too many scans: {_MOST_SCANS} at most, and scans times pixels "
            f"at most {_MOST_SCAN_PIXELS}",
            code="too_many_scans",
        )


def _next_marker(data: bytes, at: int) -> int:
    """Return where the next marker after a scan's data begins."""
    for start in range(at, len(data), _SEARCHED_AT_ONCE):
        match = _NEXT_MARKER.search(data, start, start + _SEARCHED_AT_ONCE + 1)
        if match is not None:
            return match.start()
    raise truncated("JPEG")


def _stored(file: bytes, found: _Found) -> Stored:
    # A picture that comes in several scans keeps every coefficient, 16 bits each, until the last.
    waits = found.frame == _PROGRESSIVE or not found.interleaved
    held = 2 * found.components if waits else 0
    if found.components == 4:
        held += 4  # the inks, before they are colours
    orientation = read_orientation(found.exif)
    # libjpeg-turbo keeps the segments of a colour profile, and puts them together once more.
    return Stored("JPEG", found.size, orientation, file, held, 2 * found.profile_bytes)
