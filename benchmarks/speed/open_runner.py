"""Each engine as one call: from pictures in memory to their label maps.

What an engine needs is imported when it is opened, so that each runs where the others' packages
are missing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from benchmarks.speed.case import Arithmetic, Case
from benchmarks.speed.device import Device
from benchmarks.speed.graph_runtimes import load_graph, ready_graph, target_of
from benchmarks.speed.places import Places
from benchmarks.speed.runner import Runner
from export.artefacts.targets import Target
from export.graphs.source import Source
from export.tensorrt.api import Gpu
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.concurrency import in_thread
from ocrnet.engines import Engine
from ocrnet.engines.contract import Images
from ocrnet.engines.in_process import InProcessEngine, LoadedGraph
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import segment
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec


def prepare(case: Case, source: Source, device: Device, places: Places) -> None:
    """Build the graphs that the case lacks; raises OcrnetError."""
    if case.serving:
        if not places.elsewhere(case.engine):
            for kind in _kinds(case, source):
                target = Target("onnx", "float32")
                _ready(case, source, kind, target, places)
    elif not case.in_torch:
        target, kind = target_of(case, device), case.kind(source.spec)
        _ready(case, source, kind, target, places, device.gpu)


def _ready(
    case: Case, source: Source, kind: Kind, target: Target, places: Places, gpu: Gpu | None = None
) -> None:
    ready_graph(
        source,
        kind,
        target,
        places.of(case),
        gpu,
        optimised=case.graph == "optimised",
        batch=case.batch,
        tf32=case.tf32,
    )


@contextmanager
def open_runner(
    case: Case, source: Source, device: Device, images: Images, places: Places
) -> Iterator[Runner]:
    """Open what was prepared. images: uint8 (batch, height, width, 3).

    Raises OcrnetError for what cannot run here.
    """
    with ExitStack() as stack:
        if case.in_torch and case.mode == "whole":
            from benchmarks.speed.device_runners import torch_runner

            yield torch_runner(case, source, device, images)
        elif case.bound:
            from benchmarks.speed.device_runners import bound_runner

            path = _path(case, source, device, places)
            yield bound_runner(case, path, source.spec, device, images, places.threads)
        elif case.engine == "http":
            from benchmarks.speed.served_runners import gateway_runner

            yield stack.enter_context(gateway_runner(case, source, images, places))
        elif case.engine == "triton":
            from benchmarks.speed.served_runners import asked_triton

            kinds = _kinds(case, source)
            triton = stack.enter_context(asked_triton(case, source, kinds, places))
            yield engine_runner(
                case, source.spec, triton.engine, images,
                "gRPC to Triton and back, ", triton.precision,
            )  # fmt: skip
        else:
            loaded = _loaded(case, source, device, places)
            in_process = InProcessEngine(source.spec, {None: loaded})
            yield engine_runner(case, source.spec, in_process, images)


def _loaded(case: Case, source: Source, device: Device, places: Places) -> LoadedGraph:
    if case.in_torch:
        from benchmarks.speed.torch_ways import open_network, set_tf32, way

        set_tf32(case.tf32)
        place = "cpu" if device.is_cpu else "cuda"
        return open_network(source.network, place, way(case.engine, case.precision))
    return load_graph(case, _path(case, source, device, places), device, places.threads)


def _path(case: Case, source: Source, device: Device, places: Places) -> Path:
    target, kind = target_of(case, device), case.kind(source.spec)
    return graph_folder(places.of(case), source.spec.name, kind) / target.file


def engine_runner(
    case: Case,
    spec: ModelSpec,
    engine: Engine,
    images: Images,
    through: str = "",
    served_precision: Arithmetic | None = None,
) -> Runner:
    """Label pictures in memory; a whole one's labels are the graph's own where it has them."""
    plan = plan_request(case.size, spec, SegmentOptions(case.mode))
    if plan.single and "labels" in engine.outputs(case.size):

        async def labels() -> None:
            await engine.infer(images, "labels")

        boundary = f"pictures in memory → {through}graph to labels, in memory"
        return Runner(labels, boundary, "graph", served_precision=served_precision)

    async def one_picture() -> None:
        await segment(images[0], spec, engine, plan, Timings())

    async def batch() -> None:
        logits = np.asarray(await engine.infer(images, "logits"), np.float32)
        for each in logits:
            await in_thread(upsample_argmax, each, case.size, align_corners=spec.align_corners)

    windows = f"{plan.windows} windows, stitched" if plan.windows > 1 else "forward"
    boundary = f"pictures in memory → {through}normalise, {windows}, upsample, argmax"
    call = batch if case.batch > 1 else one_picture
    return Runner(call, boundary, "CPU", served_precision=served_precision)


def _kinds(case: Case, source: Source) -> list[Kind]:
    """What a server needs to serve the case: the dynamic graph always."""
    return list(dict.fromkeys(("dynamic", case.kind(source.spec))))
