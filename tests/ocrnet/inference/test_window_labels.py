"""Labels of overlapping windows without upsampling: equal to upsampling every one of them."""

import numpy as np
import pytest

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.maps import MapWriter, Want
from ocrnet.inference.stitching import Blend, StitchedLogits, suits
from ocrnet.inference.windows import WindowPlan, plan_windows
from ocrnet.timings import Timings
from ocrnet.zoo import Size

PLANS = {
    "on one grid": (Size(256, 384), Size(128, 192), Size(80, 128)),
    "the last windows off the grid": (Size(257, 390), Size(128, 192), Size(80, 128)),
    "one row of windows": (Size(113, 600), Size(128, 192), Size(80, 128)),
    "one column of windows": (Size(500, 90), Size(128, 192), Size(80, 128)),
    "side by side": (Size(256, 384), Size(128, 192), Size(128, 192)),
    "windows of no whole number of cells": (Size(256, 384), Size(130, 190), Size(90, 120)),
    "a stride of no whole number of cells": (Size(256, 384), Size(128, 192), Size(81, 127)),
    "a last window far inside": (Size(256, 384), Size(200, 300), Size(128, 200)),
}


def _logits(plan: WindowPlan, classes: int, stride: int) -> list[np.ndarray]:
    """Noise on patches: neighbours mostly have one winner, and windows differ."""
    rng = np.random.default_rng(5)
    shape = (-(-plan.window.height // stride), -(-plan.window.width // stride))
    found = []
    for _ in plan:
        patches = rng.normal(size=(classes, -(-shape[0] // 8), -(-shape[1] // 8)))
        smooth = patches.repeat(8, axis=1).repeat(8, axis=2)[:, : shape[0], : shape[1]]
        found.append((smooth + rng.normal(0, 0.1, smooth.shape)).astype(np.float32))
    return found


def _sum(plan: WindowPlan, parts: list[np.ndarray], align_corners: bool) -> np.ndarray:
    """The windows' upsampled logits, added up: float64 (classes, height, width)."""
    total = np.zeros((len(parts[0]), plan.picture.height, plan.picture.width))
    for window, part in zip(plan, parts, strict=True):
        size = Size(window.height, window.width)
        full = ResizedLogits(NetworkLogits(part), size, align_corners=align_corners)
        total[:, *window.slices] += full.rows(0, window.height)
    return total


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_labels_equal_those_of_the_upsampled_sum(
    plan: tuple[Size, Size, Size], stride: int, align_corners: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocrnet.inference.stitching._LEAST_PIXELS", 0)  # small ones will do
    windows = plan_windows(*plan)
    parts = _logits(windows, 19, stride)
    stitched = StitchedLogits(
        windows, blend="uniform", output_stride=stride, align_corners=align_corners
    )
    found, written = [], 0
    for window, part in zip(windows, parts, strict=True):
        stitched.add(window, part)
        if stitched.finished > written:
            labels = stitched.labels(written, stitched.finished)
            assert labels is not None
            found.append(labels)
            written = stitched.finished
            stitched.release(written)
    labels = np.concatenate(found)
    assert labels.dtype == np.uint8
    total = _sum(windows, parts, align_corners)
    # Equal but where two classes are, up to rounding, at the top.
    y, x = np.nonzero(labels != total.argmax(0))
    assert len(y) <= 2
    np.testing.assert_allclose(total[labels[y, x], y, x], total.max(0)[y, x], rtol=1e-6)


@pytest.mark.parametrize("wants", [frozenset(), frozenset({"confidence"})])
def test_a_writer_gives_the_same_labels_either_way(wants: frozenset[Want]) -> None:
    plan = plan_windows(Size(512, 768), Size(256, 384), Size(168, 256))
    parts = _logits(plan, 19, 4)
    stitched = StitchedLogits(plan, blend="uniform", output_stride=4, align_corners=False)
    timings = Timings()
    writer = MapWriter(stitched, 19, 4, wants, timings, probabilities=False, align_corners=False)
    for window, part in zip(plan, parts, strict=True):
        stitched.add(window, part)
        writer.advance()
    np.testing.assert_array_equal(writer.labels, _sum(plan, parts, False).argmax(0))
    assert not stitched._pending


def test_many_small_windows_and_uneven_weights_are_upsampled() -> None:
    large = plan_windows(Size(1024, 2048), Size(512, 1024), Size(336, 680))
    assert suits(large)
    small = plan_windows(Size(256, 480), Size(64, 64), Size(16, 16))
    assert not suits(small)
    assert not suits(plan_windows(Size(10_000, 16_000), Size(32, 32), Size(1, 1)))
    assert _labels_of_zeros(large, "uniform") is not None
    assert _labels_of_zeros(large, "gaussian") is None
    assert _labels_of_zeros(small, "uniform") is None


def _labels_of_zeros(plan: WindowPlan, blend: Blend) -> LabelMap | None:
    stitched = StitchedLogits(plan, blend=blend, output_stride=4, align_corners=False)
    for window in plan:
        stitched.add(window, np.zeros((2, window.height // 4, window.width // 4), np.float32))
    return stitched.labels(0, plan.picture.height)
