"""Groups of prefix codes in lossless WebP: a small file can mean a lot of memory."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corpus import peak, vp8l, webp
from corpus.vp8l import COLOUR, PREDICTOR, SUBTRACT_GREEN, Lossless
from ocrnet.errors import UndecodablePicture
from ocrnet.images import ImageLimits, decode_image, inspect_image
from ocrnet.images import vp8l as reader
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size

SMALL = webp.webp(np.zeros((16, 16, 3), np.uint8))
MANY = Lossless(1024, 1024, 65_536)
SCENE = draw_scene(1, 256, 512)


def _in_alpha() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1024, 1024), "red").save(file, "WEBP", lossless=False)
    alpha = "ALPH", b"\1" + MANY.data()
    return webp.extended(
        1024, 1024, alpha, ("VP8 ", webp.body(file.getvalue(), "VP8 ")), flags=0x10
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "65 536 groups": MANY.file,
    "8000 with a head": lambda: webp.extended(400, 400, ("VP8L", Lossless(400, 400, 8000).chunk())),
    "2000 groups of large tables": Lossless(400, 400, 2000, deep=True).file,
    "2000 groups of the largest": Lossless(400, 400, 2000, cache_bits=11, deep=True).file,
    "behind two transforms": Lossless(1024, 1024, 9000, transforms=(COLOUR, PREDICTOR)).file,
}


def _memory(made: Lossless) -> int:
    return reader.lossless_memory(memoryview(made.data()), Size(made.height, made.width))


@pytest.mark.skipif(not peak.COUNTED, reason="only Linux counts peaks")
@pytest.mark.parametrize("kind", HOSTILE)
def test_the_estimate_holds(kind: str, tmp_path: Path) -> None:
    data = HOSTILE[kind]()
    took, promised = peak.peak_and_estimate(SMALL, data, tmp_path)
    assert took <= promised + peak.SLACK
    assert promised <= 2.5 * took + peak.SLACK
    pixels = inspect_image(data, ImageLimits()).size.pixels
    assert took > 8 * pixels + len(data) + peak.SLACK  # more than an ordinary picture's


@pytest.mark.skipif(not peak.COUNTED, reason="only Linux counts peaks")
def test_an_alpha_channel_takes_nothing(tmp_path: Path) -> None:
    took, promised = peak.peak_and_estimate(SMALL, _in_alpha(), tmp_path)
    assert took <= promised + peak.SLACK
    assert promised < 10 * 2**20


def test_the_tests_own_pictures_are_what_other_decoders_see() -> None:
    for made in (
        Lossless(256, 200, 3000),
        Lossless(70, 101, 9, block_bits=3, cache_bits=5),
        Lossless(40, 40, 3, deep=True),
        Lossless(40, 40, 3, cache_bits=11, deep=True),
    ):
        seen = np.asarray(Image.open(io.BytesIO(made.file())).convert("RGB"))
        np.testing.assert_array_equal(seen, made.shows())
        decoded = decode_image(inspect_image(made.file(), ImageLimits()))
        np.testing.assert_array_equal(decoded, made.shows())


@pytest.mark.parametrize("seed", range(12))
def test_groups_are_counted(seed: int) -> None:
    """Behind any transforms, whatever their sub-images are made of; libwebp reads the same."""
    dice = np.random.default_rng(seed)
    width, height = (int(side) for side in dice.integers(40, 300, 2))
    block_bits = int(dice.integers(2, 10))
    blocks = -(-width >> block_bits) * -(-height >> block_bits)
    groups = int(dice.integers(1, min(blocks, 900) + 1))
    values = dice.integers(0, 2**32, int(dice.integers(1, 40))).tolist()
    made = {
        "block_bits": block_bits,
        "cache_bits": int(dice.integers(0, 12)),
        "transform_values": np.repeat(values, dice.integers(1, 5, len(values))).tolist(),
    }
    transforms = tuple(
        dice.permutation([PREDICTOR, COLOUR, SUBTRACT_GREEN])[: dice.integers(0, 4)].tolist()
    )
    whole = Lossless(width, height, groups, transforms=transforms, **made)
    Image.open(io.BytesIO(whole.file())).load()
    one, two = (
        reader.lossless_memory(memoryview(_codes(number, made["cache_bits"])), Size(4, 8))
        for number in (1, 2)
    )
    sub_images = blocks + -(-width >> 2) * -(-height >> 2) * len({*transforms} - {SUBTRACT_GREEN})
    for_rows = 4 * 17 * width
    assert _memory(whole) == for_rows + 4 * sub_images + groups * (two - one)
    assert two - one > 5 * 256 * 4  # five tables of eight bits


def _codes(groups: int, cache_bits: int) -> bytes:
    return Lossless(8, 4, groups, cache_bits=cache_bits).data()


@pytest.mark.parametrize(
    "image",
    [
        SCENE.image,
        np.concatenate([SCENE.image, SCENE.image[..., :1]], axis=2),
        np.repeat(SCENE.labels[..., None] * 9, 3, axis=2),
        np.repeat(SCENE.labels[..., None] % 3, 3, axis=2),
        np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8),
    ],
    ids=["scene", "alpha", "palette", "packed palette", "noise"],
)
@pytest.mark.parametrize("method", [0, 4, 6])
def test_ordinary_pictures_cost_little_more(image: np.ndarray, method: int) -> None:
    data = webp.webp(image, method=method)
    header = inspect_image(data, ImageLimits())
    pixels = image.shape[0] * image.shape[1]
    assert 8 * pixels < header.decode_bytes < 8 * pixels + len(data) + 600_000
    np.testing.assert_array_equal(decode_image(header), image[..., :3])


def test_sub_images_that_are_too_long_to_read_count_as_the_worst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Lossless(512, 512, 5, transforms=(PREDICTOR,), transform_values=(0xFF000300, 0xFF000400))
    exact = _memory(made)
    monkeypatch.setattr(reader, "_MOST_SYMBOLS", 128 * 128)
    assert _memory(made) > exact
    longer = Lossless(512, 512, 16_384, cache_bits=11, transforms=(PREDICTOR,))
    monkeypatch.undo()
    exact = _memory(longer)
    monkeypatch.setattr(reader, "_MOST_SYMBOLS", 1000)
    assert exact <= _memory(longer) < 1.1 * exact


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_data_that_breaks_off_before_the_groups_is_damaged(share: float) -> None:
    chunk = Lossless(512, 512, 16_384).chunk()
    sub_image = 5 + 16_384 * 2 - 2000
    data = webp.riff(("VP8L", chunk[: 5 + int(share * sub_image)]))
    with pytest.raises(UndecodablePicture, match="prefix codes"):
        inspect_image(data, ImageLimits())


@pytest.mark.parametrize(
    "lengths",
    [[0] * 280, [1, 2] + [0] * 278, [1, 1, 1] + [0] * 277, [2, 2, 2] + [0] * 277],
    ids=["no symbol", "incomplete", "too many", "one missing"],
)
def test_what_is_no_prefix_code_is_damaged(lengths: list[int]) -> None:
    bits = vp8l.Bits()
    bits.put(0, 2)
    bits.put(1, 1)
    bits.put(0, 3)
    bits.put(0, 1)
    vp8l.put_lengths(bits, lengths)
    with pytest.raises(UndecodablePicture, match="prefix codes"):
        reader.lossless_memory(memoryview(bits.done() + bytes(100)), Size(64, 64))


def test_a_transform_given_twice_is_damaged() -> None:
    made = Lossless(64, 64, 3, transforms=(SUBTRACT_GREEN, SUBTRACT_GREEN))
    with pytest.raises(UndecodablePicture, match="prefix codes"):
        inspect_image(made.file(), ImageLimits())
