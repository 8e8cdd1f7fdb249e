"""Each engine as one call: from pictures in memory to their label maps."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from benchmarks.gateway import running_gateway
from benchmarks.network_graph import NetworkGraph
from benchmarks.speed.case import Case, EngineName
from benchmarks.speed.device import Device
from benchmarks.speed.graphs import ready_graph
from benchmarks.speed.loaded import load_graph, product_of
from benchmarks.speed.protocol import Call
from export.build.products import Product
from export.build.source import Source
from export.tensorrt.api import Gpu
from export.triton.models import Serving
from export.triton.repository import write_configs
from ocrnet.argmax import upsample_argmax
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.engines import Engine
from ocrnet.engines.base import Images
from ocrnet.engines.in_process import InProcessEngine, LoadedGraph
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.errors import EngineUnavailable
from ocrnet.options import SegmentOptions
from ocrnet.plan import plan_request
from ocrnet.segmenter import segment
from ocrnet.threads import in_thread
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec
from server.local_triton import LocalTriton, install_environment


@dataclass(frozen=True)
class Places:
    """Where things are: graphs, and what is asked instead of being started here.

    threads: of engines on the CPU, 0: all cores. triton: HOST:PORT, or local; url: of a gateway.
    """

    repository: Path
    threads: int = 0
    triton: str = "local"
    url: str = ""

    def elsewhere(self, engine: EngineName) -> bool:
        """Whether that engine is a server that runs already."""
        return bool(self.url) if engine == "http" else engine == "triton" and self.triton != "local"

    def of(self, case: Case) -> Path:
        """The repository of the case's graphs: plain and rewritten ones share a name."""
        return self.repository / case.graph


def _unknown() -> int | None:
    return None


@dataclass(frozen=True)
class Runner:
    """One way to label pictures.

    call: labels all its pictures once. boundary: what is inside its time. peak_bytes: the most
    memory that it has held, None where this process's own says it.
    """

    call: Call
    boundary: str
    peak_bytes: Callable[[], int | None] = _unknown


def prepare(case: Case, source: Source, device: Device, places: Places) -> None:
    """Build the graphs that the case lacks; raises OcrnetError."""
    if case.engine in ("triton", "http"):
        if not places.elsewhere(case.engine):
            for kind in _kinds(case, source):
                product = Product("onnx", "float32")
                _ready(case, source, kind, product, places)
    elif case.engine != "torch":
        product, kind = product_of(case, device), case.kind(source.spec)
        _ready(case, source, kind, product, places, device.gpu)


def _ready(
    case: Case, source: Source, kind: Kind, product: Product, places: Places, gpu: Gpu | None = None
) -> None:
    repository, optimised = places.of(case), case.graph == "optimised"
    ready_graph(source, kind, product, repository, gpu, optimised=optimised)


@contextmanager
def open_runner(
    case: Case, source: Source, device: Device, images: Images, places: Places
) -> Iterator[Runner]:
    """Open what was prepared. images: uint8 (batch, height, width, 3).

    Raises OcrnetError for what cannot run here.
    """
    if case.engine == "http":
        with _gateway(case, source, images, places) as runner:
            yield runner
        return
    with ExitStack() as stack:
        if case.engine == "torch" and case.mode == "whole":
            graph = _network(case, source, device)
            yield _as_mmsegmentation(graph, source.spec, images)
        elif case.engine == "triton":
            address = stack.enter_context(_triton(case, source, places))
            connection = TritonConnection(address)
            engine: Engine = TritonEngine(connection, served_graphs(connection, source.spec))
            yield _by_engine(case, source.spec, engine, images, "gRPC to Triton and back, ")
        else:
            engine = InProcessEngine(source.spec, {None: _loaded(case, source, device, places)})
            yield _by_engine(case, source.spec, engine, images)


def _loaded(case: Case, source: Source, device: Device, places: Places) -> LoadedGraph:
    if case.engine == "torch":
        return _network(case, source, device)
    product, kind = product_of(case, device), case.kind(source.spec)
    path = graph_folder(places.of(case), source.spec.name, kind) / product.file
    return load_graph(case, path, device, places.threads)


def _network(case: Case, source: Source, device: Device) -> NetworkGraph:
    return NetworkGraph(source.network, "cpu" if device.is_cpu else "cuda", case.precision)


def _as_mmsegmentation(graph: NetworkGraph, spec: ModelSpec, images: Images) -> Runner:
    """Forward, upsample and argmax, waited for, as its tools/analysis_tools/benchmark.py does."""
    given = torch.from_numpy(images).to(graph.place)
    cuda = graph.place.type == "cuda"

    async def call() -> None:
        with torch.inference_mode():
            logits = graph.logits(given)
            size, corners = images.shape[1:3], spec.align_corners
            interpolate(logits, size, mode="bilinear", align_corners=corners).argmax(1)
        if cuda:
            torch.cuda.synchronize()

    boundary = "pictures on the device → normalise, forward, upsample, argmax; synchronised"
    return Runner(call, boundary, torch.cuda.max_memory_allocated if cuda else _unknown)


def _by_engine(
    case: Case, spec: ModelSpec, engine: Engine, images: Images, through: str = ""
) -> Runner:
    plan = plan_request(case.size, spec, SegmentOptions(case.mode))

    async def one_picture() -> None:
        await segment(images[0], spec, engine, plan, Timings())

    async def batch() -> None:
        logits = np.asarray(await engine.infer(images, "logits"), np.float32)
        for each in logits:
            await in_thread(upsample_argmax, each, case.size, align_corners=spec.align_corners)

    windows = f"{plan.windows} windows, stitched" if plan.windows > 1 else "forward"
    boundary = f"pictures in memory → {through}normalise, {windows}, upsample, argmax"
    return Runner(batch if case.batch > 1 else one_picture, boundary)


def _kinds(case: Case, source: Source) -> list[Kind]:
    """What a server needs to serve the case: the dynamic graph always."""
    return list(dict.fromkeys(("dynamic", case.kind(source.spec))))


@contextmanager
def _triton(case: Case, source: Source, places: Places) -> Iterator[str]:
    if places.triton != "local":
        yield places.triton
        return
    write_configs(source.spec, places.of(case), Serving())
    environment, name = install_environment(), source.spec.name
    kinds = _kinds(case, source)
    with LocalTriton(
        environment, places.of(case), [name], kinds=kinds, threads=places.threads
    ) as triton:
        yield triton.addresses.grpc


@contextmanager
def _gateway(case: Case, source: Source, images: Images, places: Places) -> Iterator[Runner]:
    file = BytesIO()
    Image.fromarray(images[0]).save(file, "PNG", compress_level=1)
    query = {"mode": case.mode, "model": source.spec.name}
    with ExitStack() as stack:
        url, peak = places.url, _unknown
        if not url:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            flags = ["--models", source.spec.name, "--repository", str(places.of(case))]
            flags += ["--threads", str(places.threads), "--max-requests", str(case.concurrency + 1)]
            gateway = stack.enter_context(running_gateway(folder / "log", *flags))
            url, peak = str(gateway.client.base_url), gateway.peak_bytes
        limits = httpx2.Limits(max_connections=case.concurrency)
        client = httpx2.AsyncClient(base_url=url, timeout=600, limits=limits)

        async def call() -> None:
            try:
                answer = await client.post("/segment", params=query, content=file.getvalue())
                answer.raise_for_status()
            except httpx2.HTTPError as error:
                raise EngineUnavailable(f"{url} did not answer with a mask: {error}") from error

        yield Runner(call, "HTTP: PNG sent → PNG mask received", peak)
