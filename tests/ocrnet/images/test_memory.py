"""Decoding never takes more than what the header's estimate says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpus import jpeg, peak, vp8l, webp
from corpus.exif import orientation, tiff
from corpus.png import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png
from ocrnet.errors import UndecodablePicture
from ocrnet.images import ImageLimits, decode_image, inspect_image

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 1500, 2000


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


@pytest.mark.skipif(not peak.COUNTED, reason="only Linux counts peaks")
@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_holds(kind: str, tmp_path: Path) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([x // 9, y // 7, (x + y) // 15], axis=2).astype(np.uint8)
    small, large = (KINDS[kind](np.ascontiguousarray(part)) for part in (image[:16, :16], image))
    took, promised = peak.peak_and_estimate(small, large, tmp_path)
    assert took <= promised + peak.SLACK
    assert promised <= 12 * HEIGHT * WIDTH + 2 * len(large)


@pytest.mark.skipif(not peak.COUNTED, reason="only Linux counts peaks")
def test_colour_profiles_of_a_jpeg_count(tmp_path: Path) -> None:
    """libjpeg-turbo keeps each of their segments, and puts them together once more."""
    parts = (b"ICC_PROFILE\0" + bytes([number, 250]) + bytes(65_000) for number in range(1, 251))
    plain = jpeg.jpeg(np.zeros((64, 64, 3), np.uint8))
    large = jpeg.with_segments(plain, b"".join(jpeg.segment(0xE2, part) for part in parts))
    took, promised = peak.peak_and_estimate(plain, large, tmp_path)
    assert took > 1.5 * len(large)
    assert took <= promised + peak.SLACK


def test_metadata_of_a_webp_stays_away_from_the_decoder() -> None:
    """OpenCV would copy each text of the EXIF block: with these ten thousand, 1 GB of them."""
    image = np.zeros((64, 64, 3), np.uint8)
    texts = tiff(*[(0x010F, 2, 100_000, 8)] * 10_000) + bytes(100_000)
    chunk = "VP8L", webp.body(webp.webp(image), "VP8L")
    data = webp.extended(64, 64, chunk, ("EXIF", texts), ("XMP ", texts), flags=0x0C)
    header = inspect_image(data, ImageLimits())
    assert len(header.file) < 100
    np.testing.assert_array_equal(decode_image(header), image)
    turned = webp.extended(64, 64, ("EXIF", orientation(6)), chunk, flags=0x08)
    assert inspect_image(turned, ImageLimits()).orientation == 6


def test_a_webp_of_28_bytes_is_served() -> None:
    """OpenCV refuses files of less than 32."""
    one = vp8l.Bits()
    one.put(0, 3)
    one.put_code("".join(map(vp8l.one_symbol, (1, 0, 1, 1, 0))))
    data = webp.riff(("VP8L", b"\x2f" + bytes(4) + one.done()))
    assert len(data) == 28
    header = inspect_image(data, ImageLimits())
    np.testing.assert_array_equal(decode_image(header), [[[0, 1, 1]]])


@pytest.mark.parametrize("size", [(63, 64), (64, 65)])
def test_a_webp_whose_head_and_pixels_say_different_sizes_is_damaged(size: tuple[int, int]) -> None:
    chunk = "VP8L", webp.body(webp.webp(np.zeros((64, 64, 3), np.uint8)), "VP8L")
    with pytest.raises(UndecodablePicture, match="different sizes"):
        inspect_image(webp.extended(*size, chunk), ImageLimits())
