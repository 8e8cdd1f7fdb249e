import numpy as np
import pytest

from ocrnet.errors import InvalidOption
from ocrnet.inference.windows import plan_windows
from ocrnet.zoo import Size


def test_cityscapes_by_default_is_nine_windows_on_the_output_grid() -> None:
    plan = plan_windows(Size(1024, 2048), Size(512, 1024), Size(336, 680))
    assert list(plan.tops) == [0, 336, 512]
    assert list(plan.lefts) == [0, 680, 1024]
    assert len(plan) == len(list(plan)) == 9


@pytest.mark.parametrize(
    ("length", "crop", "stride", "starts"),
    [
        (100, 100, 50, (0,)),  # exactly one window
        (101, 100, 50, (0, 1)),  # one pixel more
        (60, 100, 50, (0,)),  # smaller than the crop
        (150, 100, 50, (0, 50)),  # the stride divides
        (170, 100, 50, (0, 50, 70)),  # the last one moves back inside
        (7, 1, 1, (0, 1, 2, 3, 4, 5, 6)),
        (1, 512, 340, (0,)),
    ],
)
def test_starts_along_an_axis(length: int, crop: int, stride: int, starts: tuple[int, ...]) -> None:
    plan = plan_windows(Size(length, 20), Size(crop, 10), Size(stride, 10))
    assert tuple(plan.tops) == starts
    assert plan.window.height == min(crop, length)


def test_the_grid_is_that_of_mmsegmentation() -> None:
    """Against its formula: max(L − crop + stride − 1, 0) // stride + 1 windows, clipped."""
    for length in range(1, 90):
        for crop, stride in ((32, 21), (32, 32), (17, 5), (40, 1)):
            count = max(length - crop + stride - 1, 0) // stride + 1
            ends = [min(k * stride + crop, length) for k in range(count)]
            plan = plan_windows(Size(length, 1), Size(crop, 1), Size(stride, 1))
            assert list(plan.tops) == [max(end - crop, 0) for end in ends]


def test_every_pixel_is_covered() -> None:
    plan = plan_windows(Size(197, 331), Size(64, 96), Size(50, 70))
    covered = np.zeros((197, 331), int)
    for window in plan:
        covered[window.slices] += 1
    assert covered.min() >= 1


def test_pending_cells_count_the_windows_that_wait() -> None:
    # By default a row of Cityscapes lies under two rows of windows, and a third one arrives.
    plan = plan_windows(Size(1024, 2048), Size(512, 1024), Size(336, 680))
    assert plan.pending_cells(4) == 3 * 3 * 128 * 256
    # Small strides hold them all.
    plan = plan_windows(Size(100, 64), Size(64, 64), Size(4, 64))
    assert plan.pending_cells(4) == 10 * 16 * 16
    for length in range(20, 60):  # against counting, row by row
        plan = plan_windows(Size(length, 5), Size(17, 5), Size(5, 5))
        over = max(sum(t <= row < t + 17 for t in plan.tops) for row in range(length))
        assert plan.pending_cells(1) == min(over + 1, len(plan.tops)) * 17 * 5
    tall = plan_windows(Size(100_000, 64), Size(64, 64), Size(32, 64))
    assert tall.pending_cells(4) == 3 * 16 * 16


@pytest.mark.parametrize(
    ("crop", "stride", "option"),
    [
        (Size(0, 10), Size(1, 1), "crop"),
        (Size(32, 32), Size(0, 0), "stride"),
        (Size(32, 32), Size(33, 32), "stride"),
        (Size(32, 32), Size(32, -1), "stride"),
    ],
)
def test_refuses_what_would_leave_gaps(crop: Size, stride: Size, option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        plan_windows(Size(100, 100), crop, stride)
    assert caught.value.option == option
