import numpy as np
import pytest
import torch

from ocrnet.inference.argmax import argmax_classes, upsample_argmax
from ocrnet.inference.interpolation import Floats
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.zoo import Size

_CASES = [
    # From h×w to H×W: integer factors, odd ones, shrinking, single rows and columns, no change.
    (Size(8, 16), Size(32, 64)),
    (Size(50, 83), Size(197, 331)),
    (Size(25, 42), Size(197, 331)),
    (Size(40, 60), Size(13, 17)),
    (Size(1, 1), Size(3, 5)),
    (Size(1, 9), Size(4, 33)),
    (Size(9, 1), Size(33, 1)),
    (Size(16, 16), Size(16, 16)),
    (Size(16, 16), Size(32, 8)),
]


def _torch(logits: Floats, size: Size, align_corners: bool) -> Floats:
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None],
        size=(size.height, size.width),
        mode="bilinear",
        align_corners=align_corners,
    )
    result: Floats = resized[0].numpy()
    return result


def _smooth_noise(classes: int, size: Size, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(classes, size.height, size.width)).astype(np.float32)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(("low", "full"), _CASES)
def test_equals_pytorch(low: Size, full: Size, align_corners: bool) -> None:
    logits = _smooth_noise(3, low, seed=1)
    source = ResizedLogits(NetworkLogits(logits), full, align_corners=align_corners)
    actual = source.rows(0, full.height)
    # Coordinates in float32 differ in their last bits, times slopes of up to 5 per pixel here.
    np.testing.assert_allclose(actual, _torch(logits, full, align_corners), atol=5e-5)


@pytest.mark.parametrize("align_corners", [False, True])
def test_any_band_equals_the_same_rows_of_the_whole(align_corners: bool) -> None:
    source = ResizedLogits(
        NetworkLogits(_smooth_noise(2, Size(25, 42), 2)),
        Size(197, 331),
        align_corners=align_corners,
    )
    whole = source.rows(0, 197)
    for top, bottom in ((0, 1), (3, 70), (196, 197), (64, 128)):
        # How a matrix product rounds depends on its height.
        np.testing.assert_allclose(source.rows(top, bottom), whole[:, top:bottom], atol=1e-6)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(("low", "full"), _CASES)
def test_upsample_argmax_equals_argmax_of_all_upsampled(
    low: Size, full: Size, align_corners: bool
) -> None:
    logits = _smooth_noise(19, low, seed=3)
    expected = _torch(logits, full, align_corners).argmax(0)
    actual = upsample_argmax(logits, full, align_corners=align_corners)
    assert actual.dtype == np.uint8
    assert (actual == expected).mean() >= 0.9999


def test_upsample_argmax_at_cityscapes_size_is_equal_on_every_pixel() -> None:
    rng = np.random.default_rng(4)
    coarse = rng.normal(size=(19, 16, 32)).astype(np.float32)
    logits = _torch(coarse, Size(256, 512), False) + rng.normal(0, 0.05, (19, 256, 512)).astype(
        "f4"
    )
    full = Size(1024, 2048)
    expected = _torch(logits, full, False).argmax(0)
    np.testing.assert_array_equal(upsample_argmax(logits, full, align_corners=False), expected)


def test_argmax_takes_the_first_of_equal_classes() -> None:
    logits = np.zeros((4, 2, 2), np.float32)
    logits[2, 0, 0] = logits[3, 0, 0] = 1
    np.testing.assert_array_equal(argmax_classes(logits), [[2, 0], [0, 0]])
