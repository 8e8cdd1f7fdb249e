"""Decoding never takes more than what the header's estimate says."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpus import jpeg, webp
from corpus.exif import orientation
from corpus.png import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png

HEIGHT, WIDTH = 1500, 2000
SLACK = 3_000_000  # the decoder's own tables, and what the allocator rounds up

# In a process of its own, whose peak the kernel counts from when it is told to.
_MEASURE = """
import sys
from pathlib import Path
from ocrnet.pictures import PictureLimits, decode_picture, inspect_picture
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
small, large = (Path(name).read_bytes() for name in sys.argv[1:])
decode_picture(inspect_picture(small, PictureLimits()))
header = inspect_picture(large, PictureLimits())
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
image = decode_picture(header)
print(status("VmHWM") - before, header.decode_bytes)
"""


def _turned(image: np.ndarray) -> bytes:
    return png(image, before=chunk(b"eXIf", orientation(6)))


def _alpha(image: np.ndarray) -> np.ndarray:
    return np.concatenate([image, image[..., :1]], axis=2)


KINDS: dict[str, Callable[[np.ndarray], bytes]] = {
    "JPEG": jpeg.jpeg,
    "grey JPEG": lambda image: jpeg.jpeg(np.ascontiguousarray(image[..., 0])),
    "progressive JPEG": lambda image: jpeg.jpeg(image, progressive=True),
    "CMYK JPEG": jpeg.cmyk,
    "PNG": png,
    "PNG, turned": _turned,
    "grey PNG": lambda image: png(image[..., 0], GREY),
    "grey PNG, 1 bit": lambda image: png(image[..., 0] & 1, GREY, 1),
    "grey PNG, 1 bit, interlaced": lambda i: png(i[..., 0] & 1, GREY, 1, interlaced=True),
    "PNG, 16 bits": lambda image: png(image.astype(int) * 257, RGB, 16),
    "PNG, 16 bits, interlaced": lambda i: png(i.astype(int) * 257, RGB, 16, interlaced=True),
    "PNG, interlaced": lambda image: png(image, interlaced=True),
    "PNG, alpha": lambda image: png(_alpha(image), RGBA),
    "PNG, grey and alpha": lambda image: png(image[..., :2], GREY_ALPHA),
    "PNG, palette": lambda i: png(i[..., 0], PALETTE, before=chunk(b"PLTE", bytes(768))),
    "PNG, palette, 1 bit": lambda i: png(
        i[..., 0] & 1, PALETTE, 1, before=chunk(b"PLTE", bytes(6))
    ),
    "PNG, palette, interlaced": lambda i: png(
        i[..., 0], PALETTE, interlaced=True, before=chunk(b"PLTE", bytes(768))
    ),
    "WebP": lambda image: webp.webp(image, lossless=False),
    "WebP, lossless": lambda image: webp.webp(image, method=0),
    "WebP, lossless, alpha": lambda image: webp.webp(_alpha(image), method=0),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux counts peaks")
@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_holds(kind: str, tmp_path: Path, root: Path) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([x // 9, y // 7, (x + y) // 15], axis=2).astype(np.uint8)
    files = []
    for name, picture in (("small", image[:16, :16]), ("large", image)):
        files.append(tmp_path / name)
        files[-1].write_bytes(KINDS[kind](np.ascontiguousarray(picture)))
    command = [sys.executable, "-c", _MEASURE, *map(str, files)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    took, promised = map(int, done.stdout.split())
    assert took <= promised + SLACK
    assert promised <= 12 * HEIGHT * WIDTH + 2 * files[1].stat().st_size
