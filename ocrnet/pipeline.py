"""From a picture that was inspected to the answer's bytes: what gateway and command line share.

And what that will take, before a pixel of it is decoded.
"""

from dataclasses import asdict, dataclass

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

_RGB = 3
# Nearest winner, neighbours, and the pixels between classes with their coordinates.
_BYTES_PER_PIXEL_OF_ONE_WINDOW = 6


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


@dataclass(frozen=True)
class Cost:
    """Of one request.

    windows: engine runs, over all views. work: pixels through the engine times classes.
    window_pixels: the largest piece that the engine takes. bytes: memory at the peak, without
    what the engine itself holds for a piece.
    """

    windows: int
    work: int
    window_pixels: int
    bytes: int

    def as_dict(self) -> dict[str, int]:
        """Return every figure by name."""
        return asdict(self)


def estimate(job: Job) -> Cost:
    """Say what a planned job will take, from the picture's header."""
    plan, spec, answer = job.plan, job.spec, job.answer
    pixels = plan.picture.pixels
    cells, maps = (
        plan.pending_cells(spec.output_stride),
        1 + len(answer.wants) + answer.bytes_per_pixel,
    )
    under_way = 0
    if plan.single:
        maps += _BYTES_PER_PIXEL_OF_ONE_WINDOW
    else:
        cells += plan.cells_under_way(spec.output_stride)
        under_way = _RGB * plan.window_pixels * plan.images_under_way
    logits = 4 * spec.classes * cells
    if "logits" in answer.wants:
        logits += 8 * spec.classes * pixels // spec.output_stride**2
    working = _RGB * (pixels + plan.resized_pixels) + maps * pixels + logits + under_way
    working += len(job.header.file)  # as long as the job is there
    return Cost(
        windows=plan.windows,
        work=plan.engine_pixels * spec.classes,
        window_pixels=plan.window_pixels,
        bytes=max(job.header.decode_bytes, working),
    )
