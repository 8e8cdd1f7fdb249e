"""Segmenting through the fake engine, whose answer is known exactly."""

import asyncio
import inspect
import itertools
from collections.abc import Awaitable

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.engines import Engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import BadEngineOutput
from ocrnet.images import resize_image
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.maps import Want
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import Segmentation, segment
from ocrnet.inference.stitching import StitchedLogits
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")


def _run(
    image: NDArray[np.uint8],
    options: SegmentOptions,
    engine: Engine | None = None,
    wants: frozenset[Want] = frozenset(),
    **more: int,
) -> Segmentation:
    engine = engine or FakeEngine(SPEC.classes, SPEC.output_stride)
    plan = plan_request(Size(*image.shape[:2]), SPEC, options)
    work = segment(image, SPEC, engine, plan, Timings(), blend=options.blend, wants=wants, **more)
    return asyncio.run(work)


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
        plan = plan_request(Size(64, 64), SPEC, options)
        work: Awaitable[Segmentation] = segment(_flat(64, 64, 0), SPEC, engine, plan, Timings())
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


def _speckled(height: int, width: int) -> NDArray[np.uint8]:
    grey = np.random.default_rng(1).integers(0, 19, (height, width), dtype=np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


class _ByPixel(FakeEngine):
    """Logits that differ from pixel to pixel and class to class, smoothly enough to compare."""

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.shapes_seen.append(images.shape)
        grey = images[:, ::4, ::4, 0].astype(np.float32)
        classes = np.arange(19, dtype=np.float32)[None, :, None, None]
        return np.asarray(np.sin(grey[:, None] * (classes + 1) / 9) * 4, np.float32)


def test_a_window_and_its_mirror_image_are_one_call_where_they_fit() -> None:
    image = _speckled(100, 140)
    options = SegmentOptions("slide", Size(64, 64), Size(40, 40), flip=True)
    together, apart = _ByPixel(19), _ByPixel(19)
    every: frozenset[Want] = frozenset({"confidence", "logits"})
    one = _run(image, options, together, every)
    other = _run(image, options, apart, every, batch_pixels=64 * 64)
    assert set(together.shapes_seen) == {(2, 64, 64, 3)}
    assert set(apart.shapes_seen) == {(1, 64, 64, 3)}
    assert len(apart.shapes_seen) == 2 * len(together.shapes_seen)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    np.testing.assert_array_equal(one.logits, other.logits)


def test_flip_averages_a_picture_with_its_mirror_image() -> None:
    """The answer for the mirrored picture is the mirrored answer: the views are the same two."""
    image = _speckled(64, 96)
    options = SegmentOptions("whole", flip=True)
    wants: frozenset[Want] = frozenset({"confidence"})
    straight = _run(image, options, _ByPixel(19), wants)
    mirrored = _run(np.ascontiguousarray(image[:, ::-1]), options, _ByPixel(19), wants)
    np.testing.assert_array_equal(straight.labels, mirrored.labels[:, ::-1])
    np.testing.assert_array_equal(straight.confidence, mirrored.confidence[:, ::-1])
    alone = _run(image, SegmentOptions("whole"), _ByPixel(19))
    assert (alone.labels != straight.labels).any()


@pytest.mark.parametrize("mode", ["slide", "whole"])
def test_augmentation_is_the_mean_of_softmax_over_views(mode: str) -> None:
    """Against the plain form: every view's logits at full size, softmax, mean, argmax."""
    image = _speckled(60, 88)
    crop = {"crop": Size(48, 48), "stride": Size(32, 32)} if mode == "slide" else {}
    scales = (0.5, 1.0, 1.75)
    options = SegmentOptions(mode, scales=scales, flip=True, **crop)  # type: ignore[arg-type]
    result = _run(image, options, _ByPixel(19), frozenset({"confidence", "logits"}))
    total = np.zeros((19, 60, 88))
    size = Size(60, 88)
    for scale in scales:
        (view,) = plan_request(size, SPEC, SegmentOptions(mode, scales=(scale,), **crop))  # type: ignore[arg-type]
        scaled = resize_image(image, view.windows.picture)
        for turn in (1, -1):
            stitched = StitchedLogits(
                view.windows, blend="uniform", output_stride=4, align_corners=False
            )
            for window in view.windows:
                part = np.ascontiguousarray(scaled[:, ::turn][window.slices])[None]
                stitched.add(window, asyncio.run(_ByPixel(19).infer(part, "logits"))[0])
            logits = stitched.rows(0, stitched.size.height)[:, :, ::turn]
            full = ResizedLogits(NetworkLogits(logits), size, align_corners=False).rows(0, 60)
            powers = np.exp(full.astype(np.float64))
            total += powers / powers.sum(0)
    mean = total / 6
    sure = np.sort(mean, axis=0)[-1] - np.sort(mean, axis=0)[-2] > 1e-5
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(result.labels[sure], mean.argmax(0)[sure])
    np.testing.assert_allclose(result.confidence, mean.max(0) * 255, atol=0.51)
    assert result.logits is not None
    assert result.logits.shape == (19, 15, 22)
    np.testing.assert_allclose(np.exp(result.logits.astype(np.float32)).sum(0), 1, atol=2e-2)


def test_confidence_is_the_winner_s_softmax_and_logits_are_the_network_s() -> None:
    image = _speckled(64, 96)
    result = _run(image, SegmentOptions("whole"), _ByPixel(19), frozenset({"confidence", "logits"}))
    (logits,) = asyncio.run(_ByPixel(19).infer(image[None], "logits"))
    np.testing.assert_array_equal(result.logits, logits.astype(np.float16))
    full = ResizedLogits(NetworkLogits(logits), Size(64, 96), align_corners=False).rows(0, 64)
    powers = np.exp(full.astype(np.float64))
    np.testing.assert_allclose(result.confidence, (powers / powers.sum(0)).max(0) * 255, atol=0.51)
    # The same map by the path of several windows, for a picture that needs only one.
    stitched = _run(image, SegmentOptions("slide", blend="gaussian"), _ByPixel(19))
    np.testing.assert_array_equal(stitched.labels, result.labels)


def test_what_is_not_asked_for_is_not_made() -> None:
    for options in (SegmentOptions("whole"), SegmentOptions("slide", Size(32, 32), Size(32, 32))):
        result = _run(_flat(64, 64, 3), options)
        assert result.confidence is None
        assert result.logits is None


def test_views_of_several_scales_advance_together() -> None:
    """Of a tall picture, the engine sees both scales' upper windows before any lower one."""
    options = SegmentOptions("slide", Size(64, 64), Size(64, 64), scales=(1.0, 2.0))
    image = _flat(512, 32, 0)
    image[:] = (np.arange(512) // 2)[:, None, None]
    seen = []

    class Recording(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            seen.append(int(images[0, 0, 0, 0]))
            return await super().infer(images % 19, output)

    _run(image, options, Recording(19))
    assert len(seen) == 8 + 16
    assert max(abs(a - b) for a, b in itertools.pairwise(seen)) <= 40
