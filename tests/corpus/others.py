"""Files of kinds that are not on the allow-list."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from io import BytesIO

import numpy as np
from PIL import Image

_SMALL = Image.new("RGB", (8, 8), "red")


def _saved(kind: str, picture: Image.Image = _SMALL, **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def looping_tiff() -> bytes:
    """A directory whose successor is itself."""
    return b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0100, 3, 1, 64, 8)


def float_tiff() -> bytes:
    values = np.array([[np.nan, np.inf], [-np.inf, 0]], np.float32)
    return _saved("TIFF", Image.fromarray(values))


def pages_tiff(pages: int) -> bytes:
    return _saved("TIFF", save_all=True, append_images=[_SMALL] * (pages - 1))


def bmp_40_bits() -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 40, 0, 320, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 320, 0, 0, 54) + head + bytes(320)


def animated_gif(frames: int) -> bytes:
    """The same frame again and again, without encoding it so often."""
    two = _saved("GIF", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    at = two.rindex(b"\x21\xf9\x04")
    return two[:at] + two[at:-1] * frames + b"\x3b"


def svg(address: str) -> bytes:
    """Entities, a script, and an image to be fetched from `address`."""
    return f"""<?xml version="1.0"?>
<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "{address}">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<script href="{address}"/><image xlink:href="{address}"/><text>&b;&x;</text></svg>""".encode()


def _tar() -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("picture.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return file.getvalue()


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": 1}))
    return file.getvalue()


FOREIGN = {
    "EPS": _saved("EPS"),
    "PDF": _saved("PDF"),
    "PSD": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3) + bytes(40),
    "FITS": b"SIMPLE  =                    T".ljust(2880),
    "DDS": _saved("DDS"),
    "ICNS": _saved("ICNS", Image.new("RGBA", (16, 16))),
    "JPEG 2000": _saved("JPEG2000"),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(64),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
    "QOI": b"qoif" + struct.pack(">IIBB", 8, 8, 3, 0) + bytes(8),
    "BMP": _saved("BMP"),
    "GIF": _saved("GIF"),
}
CONTAINERS = {
    "ZIP, as .pth is": _zip(),
    "tar": _tar(),
    "pickle": pickle.dumps(print),
    "ONNX": b"\x08\x08\x12\x07pytorch\x1a\x052.1.0",
    "gzip": gzip.compress(b"abc"),
}
