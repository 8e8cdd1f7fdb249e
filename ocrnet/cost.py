"""What a request will take, before a pixel of it is decoded."""

from dataclasses import asdict, dataclass

from ocrnet.pipeline import Job

_RGB = 3
# Nearest winner, neighbours, and the pixels between classes with their coordinates.
_BYTES_PER_PIXEL_OF_ONE_WINDOW = 6


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
