"""Section C: pictures that are odd but valid: served, and right."""

import asyncio
import itertools
import struct
import zlib
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from corpus import exif, jpeg, others, webp
from corpus.case import Case, judge, mask_of
from corpus.png import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, chunk, png
from ocrnet.engines import Engine
from ocrnet.scenes import draw_scene

pytestmark = pytest.mark.slow

SCENE = draw_scene(1, 64, 96).image
LUMA = cv2.cvtColor(SCENE, cv2.COLOR_RGB2GRAY)
RAMP = (np.arange(64 * 96) % 256).astype(np.uint8).reshape(64, 96)
JPEG = jpeg.jpeg(SCENE)
FULL = np.repeat(LUMA[..., None], 3, axis=2)  # the grey picture as RGB


def _shown(data: bytes) -> np.ndarray:
    """What Pillow makes of it."""
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def _grey(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels.astype(np.uint8)[..., None], 3, axis=2)


def _with_alpha(image: np.ndarray, alpha: int) -> np.ndarray:
    plane = np.full((*image.shape[:2], 1), alpha, image.dtype)
    return np.concatenate([image if image.ndim == 3 else image[..., None], plane], axis=2)


def _colours(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, 3), dtype=np.uint8)


def _palette(count: int, depth: int = 8, transparent: bool = False) -> tuple[bytes, np.ndarray]:
    """A file whose indices run through all of a palette, and what it shows."""
    indices, colours = RAMP.astype(int) % count, _colours(count)
    before = chunk(b"PLTE", colours.tobytes())
    if transparent:
        before += chunk(b"tRNS", bytes(range(count)))
    return png(indices, PALETTE, depth, before=before), colours[indices]


def _palettes() -> list[Case]:
    cases = []
    for count, depth in ((1, 1), (2, 1), (4, 2), (16, 4), (256, 8), (3, 8)):
        for transparent in (False, True):
            data, shown = _palette(count, depth, transparent)
            name = f"palette of {count}, {depth} bits{', transparent' * transparent}"
            cases.append(Case(39, name, data, shows=shown))
    beyond = png(np.full((4, 4), 5), PALETTE, before=chunk(b"PLTE", _colours(5).tobytes()))
    missing = png(np.zeros((4, 4)), PALETTE)
    return [
        *cases,
        Case(39, "index beyond the palette", beyond, 422, "undecodable_image"),
        Case(39, "no palette", missing, 422, "undecodable_image"),
    ]


def _turned(kind: str, value: int, block: bytes) -> bytes:
    """A file of the scene as a camera stores it, with an EXIF block."""
    stored = exif.stored(SCENE, value)
    if kind == "JPEG":
        return jpeg.with_segments(
            jpeg.jpeg(stored, subsampling=0), jpeg.segment(0xE1, exif.HEAD + block)
        )
    if kind == "PNG":
        return png(stored, before=chunk(b"eXIf", block))
    return webp.webp(stored, exif=exif.HEAD + block)


TWO_BLOCKS = b"".join(jpeg.segment(0xE1, exif.HEAD + exif.orientation(value)) for value in (6, 3))
# What JPEG loses: the mean over the scene at quality 95.
LOSS = 4.0


def _orientations() -> list[Case]:
    kinds = {"JPEG": LOSS, "PNG": 0.0, "WebP": 0.0}
    right = [
        Case(42, f"{kind}, orientation {value}",
             _turned(kind, value, exif.orientation(value)), shows=SCENE, tolerance=loss)
        for kind, loss in kinds.items() for value in range(1, 9)
    ]  # fmt: skip
    odd = [
        Case(43, f"{kind}, orientation {name}", _turned(kind, 1, block), shows=SCENE,
             tolerance=loss)
        for kind, loss in kinds.items() for name, block in exif.ODD.items()
    ]  # fmt: skip
    odd += [
        Case(43, "two EXIF blocks in a JPEG", jpeg.with_segments(JPEG, TWO_BLOCKS),
             shows=_shown(JPEG)),
        Case(43, "two EXIF blocks in a PNG",
             png(SCENE, before=chunk(b"eXIf", exif.orientation(6)) * 2), shows=SCENE),
    ]  # fmt: skip
    broken = [
        Case(44, f"{kind}, EXIF {name}", _turned(kind, 1, block), shows=SCENE, tolerance=loss)
        for kind, loss in kinds.items() for name, block in exif.BROKEN.items()
    ]  # fmt: skip
    return right + odd + broken


LARGE = b"http://ns.adobe.com/xap/1.0/\0" + b"<x:secret/>" * 5000
EXTREMES = {
    "black": np.zeros((64, 96, 3), np.uint8),
    "white": np.full((64, 96, 3), 255, np.uint8),
    "checkerboard": _grey((np.indices((64, 96)).sum(0) % 2) * 255),
}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PROFILES = {
    "sRGB": SRGB,
    "a grey one on RGB": SRGB[:16] + b"GRAY" + SRGB[20:],
    "a wide gamut": SRGB.replace(struct.pack(">i", 0x6FA2), struct.pack(">i", 0xA000)),
    "cut off": SRGB[:100],
}

CASES = [
    *[Case(34, f"{h} x {w}", png(draw_scene(2, 64, 64).image[:h, :w]),
           shows=draw_scene(2, 64, 64).image[:h, :w]) for h, w in ((1, 1), (2, 2), (3, 5))],
    Case(37, "grey, 8 bits", png(LUMA, GREY), shows=FULL),
    *[Case(37, f"grey, {bits} bits", png(RAMP >> 8 - bits, GREY, bits),
           shows=_grey((RAMP >> 8 - bits).astype(int) * 255 // (2**bits - 1)))
      for bits in (1, 2, 4)],
    Case(37, "grey JPEG", jpeg.jpeg(LUMA), shows=FULL, tolerance=LOSS),
    *[Case(38, f"{name}, alpha {alpha}", png(_with_alpha(image, alpha), colour), shows=shown)
      for name, image, colour, shown in (("grey", LUMA, GREY_ALPHA, FULL),
                                         ("RGB", SCENE, RGBA, SCENE))
      for alpha in (255, 100, 0)],
    *[Case(38, f"WebP, alpha {alpha}", webp.webp(_with_alpha(SCENE, alpha), exact=True),
           shows=SCENE) for alpha in (255, 100, 0)],
    Case(38, "a colour that is see-through",
         png(SCENE, before=chunk(b"tRNS", b"\0\1\0\2\0\3")), shows=SCENE),
    *_palettes(),
    Case(40, "grey, 16 bits", png(RAMP.astype(int) * 257, GREY, 16), shows=_grey(RAMP)),
    Case(40, "RGB, 16 bits", png(SCENE.astype(int) * 257, RGB, 16), shows=SCENE),
    Case(40, "RGBA, 16 bits", png(_with_alpha(SCENE.astype(int) * 257, 9), RGBA, 16), shows=SCENE),
    Case(40, "grey, 16 bits, a fine ramp",
         png(np.arange(64 * 96).reshape(64, 96) * 10, GREY, 16),
         shows=_grey(np.arange(64 * 96).reshape(64, 96) * 10 // 257), tolerance=1.0),
    Case(41, "CMYK", jpeg.cmyk(SCENE), shows=SCENE, tolerance=LOSS),
    Case(41, "CMYK without Adobe's marker", jpeg.without_adobe_marker(jpeg.cmyk(SCENE)),
         shows=SCENE, tolerance=LOSS),
    Case(41, "YCCK", jpeg.ycck(SCENE), shows=SCENE, tolerance=LOSS),
    *_orientations(),
    Case(44, "XMP of 8 MiB", jpeg.with_segments(JPEG, jpeg.segment(0xE1, LARGE) * 150),
         shows=_shown(JPEG)),
    Case(44, "EXIF of 8 MiB", png(SCENE, before=chunk(b"eXIf", exif.orientation(1) + bytes(2**23))),
         shows=SCENE),
    Case(45, "PNG with a corrupt profile", png(SCENE, before=chunk(b"iCCP", b"x\0\0rubbish")),
         shows=SCENE),
    Case(45, "PNG with a gamma", png(SCENE, before=chunk(b"gAMA", b"\0\0\x20\0")), shows=SCENE),
    *[Case(45, f"{kind} with a profile: {name}", data, shows=shown)
      for name, profile in PROFILES.items()
      for kind, data, shown in (
          ("PNG", png(SCENE, before=chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))), SCENE),
          ("JPEG", jpeg.jpeg(SCENE, icc_profile=profile), _shown(JPEG)),
          ("WebP", webp.webp(SCENE, icc_profile=profile), SCENE))],
    Case(46, "progressive", jpeg.jpeg(SCENE, progressive=True), shows=_shown(JPEG)),
    Case(46, "restarts", jpeg.jpeg(SCENE, restart_marker_blocks=3), shows=_shown(JPEG)),
    *[Case(46, f"interlaced, {name}", png(samples, colour, bits, interlaced=True, before=before),
           shows=shown)
      for name, samples, colour, bits, before, shown in (
          ("RGB", SCENE, RGB, 8, b"", SCENE),
          ("grey", LUMA, GREY, 8, b"", FULL),
          ("1 bit", RAMP % 2, GREY, 1, b"", _grey(RAMP % 2 * 255)),
          ("16 bits", SCENE.astype(int) * 257, RGB, 16, b"", SCENE),
          ("palette", RAMP % 4, PALETTE, 2, chunk(b"PLTE", _colours(4).tobytes()),
           _colours(4)[RAMP % 4]),
          ("1 x 1", SCENE[:1, :1], RGB, 8, b"", SCENE[:1, :1]))],
    *[Case(47, f"subsampling {kind}", jpeg.subsampled(SCENE, kind),
           shows=_shown(jpeg.subsampled(SCENE, kind)), tolerance=0.1)
      for kind in ("444", "422", "420", "440", "411")],
    *[Case(48, name, jpeg.with_frame(JPEG, marker, bits), 422, "unsupported_variant")
      for name, marker, bits in (("arithmetic", 0xC9, 8), ("lossless", 0xC3, 8),
                                 ("12 bits", 0xC1, 12), ("hierarchical", 0xC5, 8))],
    Case(49, "float TIFF", others.float_tiff(), 415,
         "unsupported_media_type"),
    *[Case(50, name, png(image), shows=image) for name, image in EXTREMES.items()],
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answer(case: Case, process: Any, good: bytes, expected: np.ndarray) -> None:
    judge(case, process, good, expected)


@pytest.mark.parametrize("size", [(1, 16_384), (16_384, 1)])
def test_the_longest_pictures(process: Any, size: tuple[int, int]) -> None:
    """Row 35: as many windows as mmsegmentation's formula says."""
    strip = np.resize(draw_scene(5, 32, 512).image, (*size, 3))
    query = {"format": "json"}
    answer = process.client.post("/segment", params=query, files={"image": png(strip)})
    assert answer.status_code == 200, answer.text
    windows = 1
    for length, crop, stride in zip(size, (512, 1024), (336, 680), strict=True):
        windows *= max(length - crop + stride - 1, 0) // stride + 1
    assert answer.json()["plan"]["windows"] == windows
    assert sum(row["pixels"] for row in answer.json()["classes"]) == 16_384


def test_no_number_in_an_answer_is_not_a_number(process: Any) -> None:
    for image in EXTREMES.values():
        query = {"format": "json", "boxes": "1"}
        answer = process.client.post("/segment", params=query, files={"image": png(image)})
        assert "NaN" not in answer.text
        assert "Infinity" not in answer.text


def test_metadata_reaches_neither_answers_nor_logs(process: Any) -> None:
    data = jpeg.with_segments(JPEG, jpeg.segment(0xE1, LARGE))
    for kind in ("png", "json", "overlay"):
        query = {"format": kind}
        answer = process.client.post("/segment", params=query, files={"image": data})
        assert b"secret" not in answer.content
    assert "secret" not in process.log.read_text()


def _textbook(
    engine: Engine, image: np.ndarray, crop: tuple[int, int], stride: tuple[int, int]
) -> np.ndarray:
    """`slide_inference` as mmsegmentation writes it: pad, sum, divide by the count, argmax."""
    height, width = image.shape[:2]
    total, count = torch.zeros(19, height, width), torch.zeros(height, width)
    rows, columns = (
        range(max(length - c + s - 1, 0) // s + 1)
        for length, c, s in zip((height, width), crop, stride, strict=True)
    )

    async def run() -> None:
        for row, column in itertools.product(rows, columns):
            bottom, right = (
                min(row * stride[0] + crop[0], height),
                min(column * stride[1] + crop[1], width),
            )
            top, left = max(bottom - crop[0], 0), max(right - crop[1], 0)
            logits = await engine.infer(
                np.ascontiguousarray(image[None, top:bottom, left:right]), "logits"
            )
            full = torch.nn.functional.interpolate(
                torch.from_numpy(np.asarray(logits)),
                (bottom - top, right - left),
                mode="bilinear",
                align_corners=False,
            )
            total[:, top:bottom, left:right] += full[0]
            count[top:bottom, left:right] += 1

    asyncio.run(run())
    return (total / count).argmax(0).numpy()


@pytest.mark.parametrize(
    "size", [(64, 96), (65, 97), (61, 89), (128, 192), (129, 193), (997, 1009)]
)
def test_sizes_around_the_window_equal_the_textbook_stitcher(
    process: Any, demo_engine: Engine, size: tuple[int, int]
) -> None:
    """Row 36: smaller than the window, equal, one more, primes."""
    image = draw_scene(6, 1000, 1200).image[: size[0], : size[1]]
    crop, stride = ((128, 192), (85, 127)) if size[0] < 900 else ((512, 1024), (336, 680))
    query = {"crop": "x".join(map(str, crop)), "stride": "x".join(map(str, stride))}
    mask = mask_of(process.client, png(image), **query)
    assert (mask == _textbook(demo_engine, image, crop, stride)).mean() >= 0.9999
