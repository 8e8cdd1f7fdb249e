"""One picture to one label map, through any engine."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal

from ocrnet.argmax import LabelMap, LabelMapWriter, upsample_argmax
from ocrnet.engines.base import Engine, checked_logits
from ocrnet.errors import InvalidOption
from ocrnet.interpolation import Floats
from ocrnet.logits import LogitsSource, NetworkLogits, ResizedLogits, StitchedLogits
from ocrnet.pictures import RgbImage, published_size, resize_picture
from ocrnet.timings import Timings
from ocrnet.windows import Window, WindowPlan, plan_windows
from ocrnet.zoo.spec import ModelSpec, Size, default_stride

Mode = Literal["slide", "whole"]
Resize = Literal["none", "published"]

# So many windows of a request are with the engine at once: enough for batches to form,
# few enough that their copies do not count.
_WINDOWS_IN_FLIGHT = 16


@dataclass(frozen=True)
class SegmentOptions:
    """How to segment. crop, stride: None takes the model's own; `whole` uses neither."""

    mode: Mode = "slide"
    crop: Size | None = None
    stride: Size | None = None
    resize: Resize = "none"


@dataclass(frozen=True)
class Segmentation:
    """labels: uint8 (height, width) at the picture's own size."""

    labels: LabelMap
    plan: WindowPlan
    timings: Timings


def plan_request(size: Size, spec: ModelSpec, options: SegmentOptions) -> WindowPlan:
    """Say which windows a picture of `size` needs; `whole` is one window of the picture's size.

    Raises InvalidOption.
    """
    if options.resize == "published":
        size = published_size(size, spec.test_resize)
    if options.mode == "whole":
        if options.crop or options.stride:
            given = "crop" if options.crop else "stride"
            raise InvalidOption(given, f"mode=whole takes no {given}: it is for mode=slide")
        return plan_windows(size, size, size)
    crop = options.crop or spec.crop
    return plan_windows(size, crop, options.stride or default_stride(crop))


async def segment(
    image: RgbImage, spec: ModelSpec, engine: Engine, options: SegmentOptions, timings: Timings
) -> Segmentation:
    """Label every pixel of `image`, uint8 (H, W, 3).

    Array work runs in threads, so the event loop stays free. Cancelling the task cancels
    the windows that the engine has not answered yet.

    Raises InvalidOption, EngineError.
    """
    original = Size(*image.shape[:2])
    plan = plan_request(original, spec, options)
    if plan.picture != original:
        with timings.stage("resize"):
            image = await asyncio.to_thread(resize_picture, image, plan.picture)
    if options.mode == "whole":
        labels = await _whole(image, original, spec, engine, timings)
    else:
        labels = await _slide(image, original, spec, engine, plan, timings)
    return Segmentation(labels, plan, timings)


async def _whole(
    image: RgbImage, original: Size, spec: ModelSpec, engine: Engine, timings: Timings
) -> LabelMap:
    with timings.stage("engine"):
        logits = await _infer(image, spec, engine)
    resized = Size(*image.shape[:2])
    if resized == original:
        with timings.stage("argmax"):
            return await asyncio.to_thread(
                upsample_argmax, logits, original, align_corners=spec.align_corners
            )
    source: LogitsSource = NetworkLogits(logits)
    for size in (resized, original):
        source = ResizedLogits(source, size, align_corners=spec.align_corners)
    writer = LabelMapWriter(source, timings)
    await asyncio.to_thread(writer.advance)
    return writer.labels


async def _slide(
    image: RgbImage,
    original: Size,
    spec: ModelSpec,
    engine: Engine,
    plan: WindowPlan,
    timings: Timings,
) -> LabelMap:
    stitched = StitchedLogits(plan, align_corners=spec.align_corners)
    source: LogitsSource = stitched
    if plan.picture != original:
        source = ResizedLogits(stitched, original, align_corners=spec.align_corners)
    writer = LabelMapWriter(source, timings)
    waiting: deque[tuple[Window, asyncio.Task[Floats]]] = deque()
    upcoming = iter(plan)
    try:
        while True:
            while len(waiting) < _WINDOWS_IN_FLIGHT and (window := next(upcoming, None)):
                piece = image[window.slices]
                waiting.append((window, asyncio.create_task(_infer(piece, spec, engine))))
            if not waiting:
                return writer.labels
            window, task = waiting.popleft()
            with timings.stage("engine"):
                logits = await task
            stitched.add(window, logits)
            await asyncio.to_thread(writer.advance)
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def _infer(image: RgbImage, spec: ModelSpec, engine: Engine) -> Floats:
    """(H, W, 3) → float32 logits (classes, ⌈H/s⌉, ⌈W/s⌉)."""
    images = image[None]
    output = await engine.infer(images, "logits")
    logits = await asyncio.to_thread(
        checked_logits, output, spec.classes, spec.output_stride, images
    )
    first: Floats = logits[0]
    return first
