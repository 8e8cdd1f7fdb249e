import numpy as np
import pytest

from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.maps import MapWriter, Want
from ocrnet.inference.stitching import Blend, StitchedLogits, gaussian_weights
from ocrnet.inference.windows import WindowPlan, plan_windows
from ocrnet.timings import Timings
from ocrnet.zoo import Size


def _writer(source: StitchedLogits, classes: int) -> MapWriter:
    return MapWriter(
        source, classes, 4, frozenset(), Timings(), probabilities=False, align_corners=False
    )


def _reference(
    parts: list[np.ndarray], plan: WindowPlan, align_corners: bool, weights: np.ndarray
) -> np.ndarray:
    """The textbook form: pad every window to full size, weigh, sum, divide by the weights."""
    total = np.zeros((len(parts[0]), plan.picture.height, plan.picture.width))
    count = np.zeros((plan.picture.height, plan.picture.width))
    for window, part in zip(plan, parts, strict=True):
        size = Size(window.height, window.width)
        full = ResizedLogits(NetworkLogits(part), size, align_corners=align_corners)
        total[:, *window.slices] += full.rows(0, window.height) * weights
        count[window.slices] += weights
    return total / count


@pytest.mark.parametrize("blend", ["uniform", "gaussian"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("picture", "crop", "stride"),
    [
        (Size(70, 110), Size(32, 48), Size(21, 32)),
        (Size(20, 110), Size(32, 48), Size(20, 30)),
        (Size(1, 200), Size(32, 48), Size(20, 30)),
        (Size(200, 1), Size(32, 48), Size(20, 30)),
        (Size(33, 49), Size(32, 48), Size(32, 48)),
        (Size(40, 40), Size(40, 40), Size(8, 8)),
    ],
)
def test_stitching_equals_the_textbook_form(
    picture: Size, crop: Size, stride: Size, align_corners: bool, blend: Blend
) -> None:
    plan = plan_windows(picture, crop, stride)
    rng = np.random.default_rng(0)
    shape = (5, -(-plan.window.height // 4), -(-plan.window.width // 4))
    parts = [rng.normal(size=shape).astype(np.float32) for _ in plan]
    height, width = plan.window.height, plan.window.width
    even = np.ones((height, width))
    weights = even if blend == "uniform" else gaussian_weights(height, width)
    expected = _reference(parts, plan, align_corners, weights)

    stitched = StitchedLogits(plan, blend=blend, output_stride=4, align_corners=align_corners)
    writer = _writer(stitched, 5)
    finished = []
    for window, part in zip(plan, parts, strict=True):
        stitched.add(window, part)
        finished.append(stitched.finished)
        band = slice(max(0, stitched.finished - 3), stitched.finished)
        if band.start < band.stop and band.start >= writer._written:
            actual = stitched.rows(band.start, band.stop)
            np.testing.assert_allclose(actual, expected[:, band], atol=1e-5)
        writer.advance()
    assert finished == sorted(finished)
    assert finished[-1] == picture.height
    np.testing.assert_array_equal(writer.labels, expected.argmax(0))


def test_windows_are_dropped_once_their_rows_are_written() -> None:
    plan = plan_windows(Size(4000, 64), Size(64, 64), Size(40, 40))
    stitched = StitchedLogits(plan, blend="uniform", output_stride=4, align_corners=False)
    writer = _writer(stitched, 3)
    pending = []
    for window in plan:
        stitched.add(window, np.zeros((3, 16, 16), np.float32))
        writer.advance()
        pending.append(len(stitched._pending))
    assert len(pending) > 90
    assert max(pending) <= 3


def test_rows_that_are_gone_are_not_made_up() -> None:
    plan = plan_windows(Size(100, 10), Size(10, 10), Size(10, 10))
    stitched = StitchedLogits(plan, blend="uniform", output_stride=4, align_corners=False)
    with pytest.raises(ValueError, match="rows 0 to 5"):
        stitched.rows(0, 5)


def test_gaussian_weights_are_largest_in_the_middle_and_never_vanish() -> None:
    weights = gaussian_weights(64, 96)
    assert weights.shape == (64, 96)
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    assert weights[32, 48] == weights.max() > 0.98
    assert weights.min() == np.float32(1e-3)
    # σ is an eighth of the side: at one σ from the middle, e^(−1/2) of it.
    np.testing.assert_allclose(weights[32 + 8, 48] / weights[32, 48], np.exp(-0.5), rtol=0.08)
    np.testing.assert_array_equal(gaussian_weights(1, 1), np.ones((1, 1)))


@pytest.mark.parametrize(("size", "align_corners"), [(Size(33, 49), True), (Size(9, 13), False)])
def test_logits_of_several_windows_lie_on_the_grid_of_the_networks_own(
    size: Size, align_corners: bool
) -> None:
    """Upsampled to a size where every grid point is a pixel, and shrunk again: the same logits."""
    stride = 4 if align_corners else 1
    logits = np.random.default_rng(0).normal(size=(3, 9, 13)).astype(np.float32)
    source = ResizedLogits(NetworkLogits(logits), size, align_corners=align_corners)
    wants: frozenset[Want] = frozenset({"logits"})
    writer = MapWriter(
        source, 3, stride, wants, Timings(), probabilities=False, align_corners=align_corners
    )
    writer.advance()
    assert writer.logits is not None
    np.testing.assert_allclose(writer.logits, logits, atol=2e-3)
