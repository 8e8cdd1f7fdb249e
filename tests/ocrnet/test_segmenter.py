"""Segmenting through the fake engine, whose answer is known exactly."""

import asyncio
import inspect
from collections.abc import Awaitable

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.engines.base import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import BadEngineOutput, InvalidOption
from ocrnet.segmenter import Segmentation, SegmentOptions, plan_request, segment
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")


def _run(image: NDArray[np.uint8], options: SegmentOptions, engine: object = None) -> Segmentation:
    engine = engine or FakeEngine(SPEC.classes, SPEC.output_stride)
    return asyncio.run(segment(image, SPEC, engine, options, Timings()))  # type: ignore[arg-type]


def _flat(height: int, width: int, value: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


_SIZES = [(197, 331), (40, 60), (128, 128), (129, 128), (1, 400), (400, 1), (1, 1), (997, 65)]


@pytest.mark.parametrize(("height", "width"), _SIZES)
@pytest.mark.parametrize(
    "options",
    [
        SegmentOptions("slide", Size(128, 128), Size(85, 85)),
        SegmentOptions("slide", Size(64, 96), Size(64, 96)),
        SegmentOptions("slide", Size(50, 70), Size(33, 7)),
        SegmentOptions("slide"),
        SegmentOptions("whole"),
    ],
)
def test_one_class_everywhere_at_any_size(height: int, width: int, options: SegmentOptions) -> None:
    labels = _run(_flat(height, width, 7), options).labels
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, np.full((height, width), 7))


def _blocks(height: int, width: int, cell: int) -> NDArray[np.uint8]:
    """Columns of classes 0 to 18, a new one every `cell` pixels, rows shifting them."""
    y, x = np.mgrid[:height, :width] // cell
    return np.repeat(((3 * y + x) % 19).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(("height", "width"), [(192, 320), (200, 328), (64, 512), (512, 64)])
@pytest.mark.parametrize(
    ("crop", "stride"),
    [
        (Size(64, 64), Size(40, 40)),
        (Size(96, 128), Size(64, 88)),
        (Size(64, 64), Size(64, 64)),
        (Size(1024, 1024), Size(512, 512)),
    ],
)
def test_classes_land_where_the_picture_has_them(
    height: int, width: int, crop: Size, stride: Size
) -> None:
    """Cells of 16 pixels on the output grid: every pixel 2 away from a border is certain.

    A window moved back inside by a number that the output stride does not divide would
    shift the cells; here every start is a multiple of 8, so the answer is exact.
    """
    image = _blocks(height, width, 16)
    labels = _run(image, SegmentOptions("slide", crop, stride)).labels
    y, x = np.mgrid[:height, :width]
    # The last output cell's value reaches 2 pixels past its cell's first one.
    certain = ((y % 16) >= 2) & ((y % 16) < 14) & ((x % 16) >= 2) & ((x % 16) < 14)
    np.testing.assert_array_equal(labels[certain], image[..., 0][certain])
    assert certain.mean() > 0.5


def test_overlapping_windows_average_their_logits() -> None:
    """Two windows that disagree: where they overlap, the larger mean wins; elsewhere their own."""

    class ByWindow(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            logits = np.zeros((1, SPEC.classes, 16, 16), np.float32)
            left = images[0, 0, 0, 0] == 0
            logits[:, 1 if left else 2] = 1.0 if left else 3.0
            return logits

    image = _flat(64, 96, 0)
    image[:, :, 0] = np.arange(96)
    labels = _run(image, SegmentOptions("slide", Size(64, 64), Size(32, 32)), ByWindow(19)).labels
    np.testing.assert_array_equal(labels[:, :32], np.full((64, 32), 1))
    np.testing.assert_array_equal(labels[:, 32:], np.full((64, 64), 2))


def test_windows_have_the_crop_size_or_the_picture_s() -> None:
    engine = FakeEngine(19)
    _run(_flat(100, 300, 1), SegmentOptions("slide", Size(128, 128), Size(100, 100)), engine)
    assert set(engine.shapes_seen) == {(1, 100, 128, 3)}
    assert len(engine.shapes_seen) == 3


def test_published_resize_works_at_the_data_set_s_size_and_answers_at_the_picture_s() -> None:
    engine = FakeEngine(19)
    result = _run(_flat(100, 150, 5), SegmentOptions("whole", resize="published"), engine)
    assert engine.shapes_seen == [(1, 1024, 1536, 3)]
    np.testing.assert_array_equal(result.labels, np.full((100, 150), 5))
    result = _run(_flat(100, 150, 5), SegmentOptions("slide", resize="published"), engine)
    np.testing.assert_array_equal(result.labels, np.full((100, 150), 5))
    assert str(result.plan.picture) == "1024x1536"


@pytest.mark.parametrize("option", ["crop", "stride"])
def test_whole_takes_neither_crop_nor_stride(option: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        plan_request(Size(10, 10), SPEC, SegmentOptions("whole", **{option: Size(32, 32)}))
    assert caught.value.option == option


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_refused(bad: float) -> None:
    class Broken(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            logits = await super().infer(images, output)
            logits[0, 3, 0, 0] = bad  # type: ignore[call-overload]
            return logits

    with pytest.raises(BadEngineOutput, match="not finite"):
        _run(_flat(64, 64, 0), SegmentOptions("whole"), Broken(19))


def test_logits_of_another_shape_are_refused() -> None:
    with pytest.raises(BadEngineOutput, match=r"\(1, 18, 16, 16\), not \(1, 19, 16, 16\)"):
        _run(_flat(64, 64, 0), SegmentOptions("whole"), FakeEngine(18))


def test_a_failing_window_cancels_the_others_and_cancelling_reaches_the_engine() -> None:
    class Slow(FakeEngine):
        started = cancelled = 0

        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            self.started += 1
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return await super().infer(images, output)

    async def cancel_midway(engine: Slow) -> None:
        options = SegmentOptions("slide", Size(32, 32), Size(32, 32))
        work: Awaitable[Segmentation] = segment(_flat(64, 64, 0), SPEC, engine, options, Timings())
        assert inspect.isawaitable(work)
        task = asyncio.ensure_future(work)
        while engine.started < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    engine = Slow(19)
    asyncio.run(cancel_midway(engine))
    assert engine.cancelled == engine.started == 4
