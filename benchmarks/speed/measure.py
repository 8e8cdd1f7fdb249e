"""One case measured in a process of its own, so that its memory is its own."""

import asyncio
import multiprocessing
import resource
import statistics
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from benchmarks.speed.case import Case
from benchmarks.speed.compute import gmac
from benchmarks.speed.device import Device, clocks, memory_used
from benchmarks.speed.fps_results import AS_SERVED, Failure, Measurement
from benchmarks.speed.graph_runtimes import best_checkpoint
from benchmarks.speed.open_runner import open_runner, prepare
from benchmarks.speed.places import Places
from benchmarks.speed.protocol import Protocol, take_samples
from export.graphs.source import Source
from ocrnet.errors import OcrnetError
from ocrnet.inference.options import SegmentOptions
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Bench:
    """What all cases of a run share."""

    device: Device
    protocol: Protocol
    places: Places


def measure(case: Case, bench: Bench) -> Measurement | Failure:
    """Measure one case, or say why it cannot be: whatever has failed, other cases can go on."""
    if not case.in_torch:
        prepared = _in_child(_prepare, case, bench)
        if isinstance(prepared, Failure):
            return prepared
    return _in_child(_measure, case, bench)


def percentile(seconds: list[float], share: float) -> float:
    """Return the value that `share` of the sorted values lie below or at, as NumPy does."""
    return float(np.quantile(seconds, share))


def _in_child(work: Callable[[Case, Bench], _Found], case: Case, bench: Bench) -> _Found | Failure:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return _outcome(pool.submit(work, case, bench))


def _outcome(work: "Future[_Found]") -> _Found | Failure:
    """What it gave, or why it has failed; raises KeyboardInterrupt if it was interrupted."""
    error = work.exception()
    if error is None:
        return work.result()
    if isinstance(error, KeyboardInterrupt):
        raise error
    if isinstance(error, OcrnetError):
        return Failure(str(error))
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return Failure(f"not enough memory: {error}")
    if isinstance(error, torch.AcceleratorError):
        return Failure(f"the GPU failed: {error}")
    if isinstance(error, BrokenProcessPool) and error.__cause__ is None:
        return Failure("its process was killed: there may not be enough memory")
    # Nothing that we know of: a library's own error, or a mistake of ours.
    traceback.print_exception(error)
    told: BaseException = error
    if isinstance(error, BrokenProcessPool) and error.__cause__ is not None:
        told = error.__cause__  # the error itself could not be handed over
    lines = [line for line in str(told).splitlines() if line.strip(" '")]
    said = lines[0] if told is error and lines else (lines or [""])[-1]
    name = type(error).__name__
    return Failure(f"{name}: {said}" if said else name)


def _source(case: Case) -> Source:
    spec = get_spec(case.model)
    return Source(spec, best_checkpoint(spec))


def _prepare(case: Case, bench: Bench) -> None:
    """Build graphs: in a process of its own, since that takes more memory than running them."""
    prepare(case, _source(case), bench.device, bench.places)


def _measure(case: Case, bench: Bench) -> Measurement:
    source, device = _source(case), bench.device
    if bench.places.threads:
        torch.set_num_threads(bench.places.threads)
    scene = draw_scene(0, case.height, case.width).image
    images = np.stack([scene] * case.batch)
    with open_runner(case, source, device, images, bench.places) as runner:
        samples = asyncio.run(take_samples(runner.call, bench.protocol, case.concurrency))
        running_at = clocks(device)
        on_gpu = memory_used(device)  # what the runtime has taken, it keeps
        peak_bytes = runner.peak_bytes() or on_gpu
    if peak_bytes is None and not case.serving:
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    work = gmac(source.spec, case.size, SegmentOptions(case.mode))
    fps = len(samples.seconds) * case.batch / samples.wall
    return Measurement(
        weights=AS_SERVED if bench.places.elsewhere(case.engine) else source.checkpoint_name,
        boundary=runner.boundary,
        calls=len(samples.seconds),
        warmup=samples.warmup,
        fps=round(fps, 4),
        p50_ms=round(1000 * statistics.median(samples.seconds), 2),
        p95_ms=round(1000 * percentile(samples.seconds, 0.95), 2),
        gmac=round(work, 1),
        labels_by=runner.labels_by,
        served_precision=runner.served_precision,
        compile_seconds=runner.compile_seconds,
        peak_mb=round(peak_bytes / 1e6) if peak_bytes else None,
        gpu_used_mb=round(on_gpu / 1e6) if on_gpu else None,
        clocks_mhz=running_at,
        seconds=[round(value, 5) for value in samples.seconds],
    )
