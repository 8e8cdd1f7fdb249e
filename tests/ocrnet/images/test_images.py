import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocrnet.errors import PictureTooLarge, UndecodablePicture, UnsupportedPicture
from ocrnet.images import (
    ImageLimits,
    RgbImage,
    decode_image,
    inspect_image,
)

LIMITS = ImageLimits()
Encode = Callable[..., bytes]


def _decode(data: bytes, limits: ImageLimits = LIMITS) -> RgbImage:
    return decode_image(inspect_image(data, limits))


def _ramp(height: int = 24, width: int = 36) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 5, y * 7, (x + y) * 3], axis=2).astype(np.uint8)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_formats_come_back_as_they_were(encode: Encode, kind: str, options: dict) -> None:
    np.testing.assert_array_equal(_decode(encode(_ramp(), kind, **options)), _ramp())


def test_jpeg_is_near(encode: Encode) -> None:
    decoded = _decode(encode(_ramp(), "JPEG", quality=95)).astype(int)
    assert decoded.shape == (24, 36, 3)
    assert np.abs(decoded - _ramp()).mean() < 8


def test_the_golden_picture_decodes_to_its_array(golden: Path, golden_weights: object) -> None:
    decoded = _decode((golden / "picture_197x331_seed2.png").read_bytes())
    np.testing.assert_array_equal(decoded, golden_weights.image(197, 331, 2))  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(encode: Encode, orientation: int) -> None:
    upright = _ramp()
    # How a camera stores the picture so that the tag's transformation makes it upright again.
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1), 7: np.rot90(upright, 1)[:, ::-1],
        8: np.rot90(upright, -1),
    }  # fmt: skip
    stored[7] = upright[::-1, ::-1].transpose(1, 0, 2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(np.ascontiguousarray(stored[orientation]), "PNG", exif=exif)
    np.testing.assert_array_equal(_decode(data), upright)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_odd_orientations_are_taken_as_upright(encode: Encode, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    data = encode(_ramp(), "PNG", exif=exif)
    np.testing.assert_array_equal(_decode(data), _ramp())


def test_other_tags_of_a_wrong_kind_do_not_spoil_the_picture(encode: Encode) -> None:
    """A SHORT where text belongs and a count that lies, beside orientation 3."""
    entries = struct.pack("<HHII", 0x0112, 3, 1, 3) + struct.pack("<HHII", 0x010E, 3, 70000, 8)
    entries += struct.pack("<HHII", 0x011A, 5, 1, 4_000_000)
    tiff = b"II*\0" + struct.pack("<IH", 8, 3) + entries + bytes(4)
    stored = np.ascontiguousarray(_ramp()[::-1, ::-1])
    decoded = _decode(encode(stored, "JPEG", quality=95, exif=b"Exif\0\0" + tiff))
    plain = _decode(encode(stored, "JPEG", quality=95))
    assert any(np.array_equal(decoded, turn) for turn in (plain, plain[::-1, ::-1]))


def test_grey_palette_alpha_and_16_bit_are_the_same_picture(encode: Encode) -> None:
    grey = _ramp()[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    sixteen = grey.astype(np.uint16) * 257
    palette = Image.fromarray(grey)
    palette.putpalette([value for level in range(256) for value in (level, level, level)])
    see_through = BytesIO()
    palette.save(see_through, "PNG", transparency=bytes(range(256)))
    plain = BytesIO()
    palette.save(plain, "PNG")
    for data in (see_through.getvalue(), plain.getvalue()):
        np.testing.assert_array_equal(_decode(data), expected)
    alpha = np.concatenate([expected, np.full((*grey.shape, 1), 200, np.uint8)], axis=2)
    for picture in (grey, np.asarray(sixteen), alpha):
        np.testing.assert_array_equal(_decode(encode(picture)), expected)


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_limits_are_exact(encode: Encode) -> None:
    data = encode(_ramp(20, 30))
    assert _decode(data, ImageLimits(len(data), 600, 30)).shape == (20, 30, 3)
    for limits, code, actual in (
        (ImageLimits(len(data) - 1, 600, 30), "too_many_bytes", len(data)),
        (ImageLimits(len(data), 599, 30), "too_many_pixels", 600),
        (ImageLimits(len(data), 600, 29), "side_too_long", 30),
    ):
        with pytest.raises(PictureTooLarge) as caught:
            _decode(data, limits)
        assert (caught.value.code, caught.value.actual) == (code, actual)


def _webp(width: int, height: int) -> bytes:
    body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + body


def _jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    return b"\xff\xd8" + frame + b"\x01\x22\x00\x02\x11\x01\x03\x11\x01" + b"\xff\xda\x00\x02"


@pytest.mark.parametrize(
    ("data", "actual"),
    [
        (_png(50_000, 50_000), 2_500_000_000),
        (_png(2**31 - 1, 2**31 - 1), (2**31 - 1) ** 2),
        (_png(65_536, 65_537), 65_536 * 65_537),
        (_jpeg(65_535, 65_535), 65_535**2),
        (_webp(2**24, 2**24), 2**48),
    ],
)
def test_a_bomb_is_refused_from_its_header(data: bytes, actual: int) -> None:
    with pytest.raises(PictureTooLarge) as caught:
        _decode(data)
    assert caught.value.code == "too_many_pixels"
    assert caught.value.actual == actual


def test_an_empty_file_is_named_so() -> None:
    with pytest.raises(UndecodablePicture) as caught:
        _decode(b"")
    assert caught.value.code == "empty_image"


@pytest.mark.parametrize(
    "data", [b"hello", b"<html></html>", b"GIF89a" + bytes(30), b"%PDF-1.7", bytes(64)]
)
def test_other_content_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedPicture, match="JPEG, PNG or WebP"):
        _decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.99])
def test_a_cut_file_is_refused_never_filled_with_grey(
    encode: Encode, kind: str, share: float
) -> None:
    rng = np.random.default_rng(0)
    data = encode(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), kind)
    with pytest.raises(UndecodablePicture):
        _decode(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "data", [_png(0, 5), _png(5, 5, b"rubbish"), b"RIFF\0\0\0\0WEBPVP8 ", b"\xff\xd8\xff"]
)
def test_damaged_headers_are_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodablePicture):
        _decode(data)
