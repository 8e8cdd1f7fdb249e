"""From a picture that was inspected to the answer's bytes: what gateway and command line share."""

from dataclasses import dataclass

from ocrnet.concurrency import in_thread
from ocrnet.engines import Engine
from ocrnet.formats import AnswerOptions, render
from ocrnet.images import ImageHeader, decode_image
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import RequestPlan, plan_request
from ocrnet.inference.segmenter import BATCH_PIXELS, segment
from ocrnet.memory_errors import memory_errors
from ocrnet.timings import Timings
from ocrnet.zoo.spec import ModelSpec


@dataclass(frozen=True)
class Job:
    """One picture, and all that is to be done with it."""

    header: ImageHeader
    spec: ModelSpec
    options: SegmentOptions
    answer: AnswerOptions
    plan: RequestPlan


def make_job(
    header: ImageHeader, spec: ModelSpec, options: SegmentOptions, answer: AnswerOptions
) -> Job:
    """Plan the work on a picture; raises InvalidOption, PictureTooLarge."""
    return Job(header, spec, options, answer, plan_request(header.size, spec, options))


async def run_job(
    job: Job, engine: Engine, timings: Timings, *, batch_pixels: int = BATCH_PIXELS
) -> bytes:
    """Decode, segment and encode. Array work runs in threads.

    Raises UndecodablePicture, OutOfMemory, EngineError.
    """
    with memory_errors():
        with timings.stage("decode"):
            image = await in_thread(decode_image, job.header)
        result = await segment(
            image,
            job.spec,
            engine,
            job.plan,
            timings,
            blend=job.options.blend,
            wants=job.answer.wants,
            batch_pixels=batch_pixels,
        )
        kept = image if job.answer.needs_picture else None
        del image  # as large as three label maps
        with timings.stage("encode"):
            return await in_thread(
                render, result, kept, job.spec, job.options, job.plan, job.answer, timings
            )
