"""How much is computed: counted by PyTorch, checked against counts by hand."""

import pytest

from benchmarks.speed.compute import gmac, measured_peak
from ocrnet.inference.options import SegmentOptions
from ocrnet.zoo import Size, get_spec


@pytest.mark.slow
def test_a_network_s_work_grows_with_its_windows() -> None:
    spec = get_spec("demo")
    whole, slide = SegmentOptions("whole"), SegmentOptions("slide")
    window = gmac(spec, spec.crop, whole)
    assert gmac(spec, Size(1024, 2048), whole) == pytest.approx(4 * window, rel=1e-3)
    assert gmac(spec, Size(1024, 2048), slide) == pytest.approx(9 * window)
    flipped = SegmentOptions("whole", flip=True)
    assert gmac(spec, spec.crop, flipped) == pytest.approx(2 * window)


def test_the_largest_layer_is_what_it_is_by_hand() -> None:
    """Half of all is one 3x3 convolution, from 270 to 512 channels at a quarter of the size."""
    spec = get_spec("demo")
    by_hand = 9 * 270 * 512 * (512 // 4) * (1024 // 4) / 1e9
    assert 0.45 < by_hand / gmac(spec, spec.crop, SegmentOptions("whole")) < 0.55


def test_the_peak_is_a_speed() -> None:
    assert measured_peak(256, 3) > 0.1
