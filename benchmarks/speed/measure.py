"""One case measured in a process of its own, so that its memory is its own."""

import asyncio
import multiprocessing
import resource
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from benchmarks.speed.case import Case
from benchmarks.speed.compute import gmac
from benchmarks.speed.device import Device, clocks, memory_used
from benchmarks.speed.fps_results import Failure, Measurement
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
_SERVED = "as served"  # whatever the server has


@dataclass(frozen=True)
class Bench:
    """What all cases of a run share."""

    device: Device
    protocol: Protocol
    places: Places


def measure(case: Case, bench: Bench) -> Measurement | Failure:
    """Measure one case, or say why it cannot be."""
    try:
        if not case.in_torch:
            _in_child(_prepare, case, bench)
        return _in_child(_measure, case, bench)
    except OcrnetError as error:
        return Failure(str(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return Failure(f"not enough memory: {error}")
    except torch.AcceleratorError as error:
        return Failure(f"the GPU failed: {error}")
    except BrokenProcessPool:
        return Failure("its process was killed: there may not be enough memory")


def percentile(seconds: list[float], share: float) -> float:
    """Return the value that `share` of the sorted values lie below or at, as NumPy does."""
    return float(np.quantile(seconds, share))


def _in_child(work: Callable[[Case, Bench], _Found], case: Case, bench: Bench) -> _Found:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(work, case, bench).result()


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
    if peak_bytes is None and case.engine not in ("triton", "http"):
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    work = gmac(source.spec, case.size, SegmentOptions(case.mode))
    fps = len(samples.seconds) * case.batch / samples.wall
    return Measurement(
        weights=_SERVED if bench.places.elsewhere(case.engine) else source.checkpoint_name,
        boundary=runner.boundary,
        calls=len(samples.seconds),
        warmup=samples.warmup,
        fps=round(fps, 4),
        p50_ms=round(1000 * statistics.median(samples.seconds), 2),
        p95_ms=round(1000 * percentile(samples.seconds, 0.95), 2),
        gmac=round(work, 1),
        peak_mb=round(peak_bytes / 1e6) if peak_bytes else None,
        gpu_used_mb=round(on_gpu / 1e6) if on_gpu else None,
        tf32=runner.tf32,
        clocks_mhz=running_at,
        seconds=[round(value, 5) for value in samples.seconds],
    )
