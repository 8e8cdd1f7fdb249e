"""One picture to one label map, through any engine."""

import asyncio
import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ocrnet.concurrency import in_thread
from ocrnet.engines.contract import Engine, Images, checked_labels, checked_logits
from ocrnet.images import RgbImage, resize_image
from ocrnet.inference.argmax import LabelMap, upsample_argmax
from ocrnet.inference.interpolation import Floats
from ocrnet.inference.logits import (
    FlippedLogits,
    LogitsSource,
    MeanProbabilities,
    NetworkLogits,
    ResizedLogits,
)
from ocrnet.inference.maps import Confidence, HalfLogits, MapWriter, Want, as_half, confidence_map
from ocrnet.inference.plan import RequestPlan, View
from ocrnet.inference.stitching import Blend, StitchedLogits
from ocrnet.inference.windows import Window
from ocrnet.timings import Timings
from ocrnet.zoo.spec import ModelSpec, Size

# A window and its mirror image go to the engine as one batch, unless that is larger.
BATCH_PIXELS = 4_194_304


@dataclass(frozen=True)
class Segmentation:
    """What was asked for, at the picture's own size.

    labels: uint8 (height, width), class indices. confidence: uint8 (height, width), the
    winner's probability times 255, or None. logits: float16 (classes, ⌈height/s⌉, ⌈width/s⌉) at
    output stride s, or None: the network's own for one window, else interpolated; of several
    views the logarithm of their mean probability.
    """

    labels: LabelMap
    confidence: Confidence | None
    logits: HalfLogits | None


@dataclass(frozen=True)
class _Call:
    """One call of the engine: the same window of some images, and who gets each one's logits."""

    window: Window
    images: tuple[RgbImage, ...]
    receivers: tuple[StitchedLogits, ...]

    def hand_out(self, answers: Floats, writer: MapWriter) -> None:
        """Give each receiver its logits, and write what is finished then."""
        for receiver, logits in zip(self.receivers, answers, strict=True):
            receiver.add(self.window, logits)
        writer.advance()

    def gather(self) -> Images:
        """Cut the window out: uint8 (N, H, W, 3)."""
        return np.stack([self.window.cut(image) for image in self.images])


async def segment(
    image: RgbImage,
    spec: ModelSpec,
    engine: Engine,
    plan: RequestPlan,
    timings: Timings,
    *,
    blend: Blend = "uniform",
    wants: frozenset[Want] = frozenset(),
    batch_pixels: int = BATCH_PIXELS,
) -> Segmentation:
    """Label every pixel of `image`, uint8 (H, W, 3), as `plan_request` planned it.

    Array work runs in threads, so the event loop stays free. Cancelling the task cancels
    the windows that the engine has not answered yet.

    batch_pixels: the most pixels to hand to the engine in one call of several images.

    Raises EngineError, OutOfMemory.
    """
    if plan.single:
        return await _one_window(image, spec, engine, timings, wants)
    sources: list[LogitsSource] = []
    calls = []
    for order, view in enumerate(plan):
        resized = image
        if view.windows.picture != plan.picture:
            with timings.stage("resize"):
                resized = await in_thread(resize_image, image, view.windows.picture)
        images = [resized, resized[:, ::-1]] if plan.flip else [resized]
        stitched = [
            StitchedLogits(
                view.windows,
                blend=blend,
                output_stride=spec.output_stride,
                align_corners=spec.align_corners,
            )
            for _ in images
        ]
        sources += _at_own_size(stitched, plan, spec)
        calls.append(_calls(order, view, images, stitched, batch_pixels))
    several = len(sources) > 1
    source = MeanProbabilities(sources) if several else sources[0]
    writer = MapWriter(
        source,
        spec.classes,
        spec.output_stride,
        wants,
        timings,
        probabilities=several,
        align_corners=spec.align_corners,
    )
    # Views advance together: each one's windows wait only until all have reached their rows.
    ordered = (call for _, _, call in heapq.merge(*calls, key=lambda entry: entry[:2]))
    with timings.stage("engine"):  # whatever is not stitching or argmax waits for it
        await _run(ordered, plan.calls_under_way, spec, engine, writer, timings)
    return Segmentation(writer.labels, writer.confidence, writer.logits)


async def _one_window(
    image: RgbImage, spec: ModelSpec, engine: Engine, timings: Timings, wants: frozenset[Want]
) -> Segmentation:
    size = Size(*image.shape[:2])
    if not wants and "labels" in engine.outputs(size):
        with timings.stage("engine"):
            return Segmentation(await _labels(image, spec, engine), None, None)
    with timings.stage("engine"):
        (logits,) = await _infer(image[None], spec, engine)
    confidence = None
    with timings.stage("argmax"):
        labels = await in_thread(upsample_argmax, logits, size, align_corners=spec.align_corners)
        if "confidence" in wants:
            source = ResizedLogits(NetworkLogits(logits), size, align_corners=spec.align_corners)
            confidence = await in_thread(confidence_map, source, spec.classes)
    return Segmentation(labels, confidence, as_half(logits) if "logits" in wants else None)


def _at_own_size(
    stitched: list[StitchedLogits], plan: RequestPlan, spec: ModelSpec
) -> Iterator[LogitsSource]:
    """Sources of a view and of its mirror image, turned back and resized to the picture."""
    for mirrored, view in enumerate(stitched):
        source: LogitsSource = FlippedLogits(view) if mirrored else view
        if source.size != plan.picture:
            source = ResizedLogits(source, plan.picture, align_corners=spec.align_corners)
        yield source


def _calls(
    order: int,
    view: View,
    images: list[RgbImage],
    stitched: list[StitchedLogits],
    batch_pixels: int,
) -> Iterator[tuple[float, int, _Call]]:
    """Yield where a call starts as a share of the picture's height, the view's order, the call."""
    together = len(images) * view.windows.window.pixels <= batch_pixels
    for window in view.windows:
        start = window.top / view.windows.picture.height
        if together:
            yield start, order, _Call(window, tuple(images), tuple(stitched))
            continue
        for image, receiver in zip(images, stitched, strict=True):
            yield start, order, _Call(window, (image,), (receiver,))


async def _run(
    upcoming: Iterator[_Call],
    most_calls: int,
    spec: ModelSpec,
    engine: Engine,
    writer: MapWriter,
    timings: Timings,
) -> None:
    waiting: deque[tuple[_Call, asyncio.Task[Floats]]] = deque()
    try:
        while True:
            while len(waiting) < most_calls and (call := next(upcoming, None)):
                images = await in_thread(call.gather)
                waiting.append((call, asyncio.create_task(_infer(images, spec, engine))))
            if not waiting:
                return
            call, task = waiting.popleft()
            answers = await task
            with timings.stage("stitch"):
                await in_thread(call.hand_out, answers, writer)
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def _infer(images: Images, spec: ModelSpec, engine: Engine) -> Floats:
    """(N, H, W, 3) → float32 logits (N, classes, ⌈H/s⌉, ⌈W/s⌉)."""
    output = await engine.infer(images, "logits")
    return await in_thread(checked_logits, output, spec.classes, spec.output_stride, images)


async def _labels(image: RgbImage, spec: ModelSpec, engine: Engine) -> LabelMap:
    """(H, W, 3) → labels (H, W) as the graph itself upsampled and compared its logits."""
    images = image[None]
    output = await engine.infer(images, "labels")
    checked = await in_thread(checked_labels, output, spec.classes, images)
    labels: LabelMap = checked[0]
    return labels
