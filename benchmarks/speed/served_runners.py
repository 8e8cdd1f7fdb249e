"""Runners that ask a server: Triton over gRPC, and the gateway over HTTP."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tritonclient.utils import InferenceServerException

from benchmarks.lib.gateway import running_gateway
from benchmarks.lib.scene_files import quick_png
from benchmarks.speed.case import Arithmetic, Case
from benchmarks.speed.places import Places
from benchmarks.speed.runner import Runner
from benchmarks.speed.served_precision import precision_of_gateway, precision_of_triton
from export.graphs.source import Source
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.artefacts import Kind
from ocrnet.engines import Engine
from ocrnet.engines.contract import Images
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.engines.triton.graphs import VERSION
from ocrnet.errors import EngineUnavailable
from server.local_triton import LocalTriton, install_environment

_LOOK_SECONDS = 60


@dataclass(frozen=True)
class AskedTriton:
    """An engine of a Triton, and what the graph that answers computes in."""

    engine: Engine
    precision: Arithmetic | None


@contextmanager
def asked_triton(
    case: Case, source: Source, kinds: list[Kind], places: Places
) -> Iterator[AskedTriton]:
    """Yield the Triton that is named, or one that is started here."""
    with ExitStack() as stack:
        address = stack.enter_context(_triton(case, source, kinds, places))
        connection = TritonConnection(address)
        graphs = served_graphs(connection, source.spec)
        by_kind = {graph.kind: graph for graph in graphs}
        answers = by_kind.get(case.kind(source.spec), by_kind["dynamic"])
        client = connection.blocking()
        try:
            config = client.get_model_config(answers.name, VERSION).config
        except InferenceServerException as error:
            raise EngineUnavailable(
                f"Triton at {address} does not say what it serves: {error.message()}"
            ) from error
        finally:
            client.close()
        engine = TritonEngine(connection, graphs)
        yield AskedTriton(engine, precision_of_triton(config))


@contextmanager
def _triton(case: Case, source: Source, kinds: list[Kind], places: Places) -> Iterator[str]:
    if places.triton != "local":
        yield places.triton
        return
    write_configs(source.spec, places.of(case), Serving())
    environment, name = install_environment(), source.spec.name
    with LocalTriton(
        environment, places.of(case), [name], kinds=kinds, threads=places.threads
    ) as triton:
        yield triton.addresses.grpc


@contextmanager
def gateway_runner(case: Case, source: Source, images: Images, places: Places) -> Iterator[Runner]:
    """Yield a runner of the gateway that is named, or of one that is started here."""
    sent = quick_png(images[0])
    query = {"mode": case.mode, "model": source.spec.name}
    with ExitStack() as stack:
        url, peak = places.url, None
        if not url:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            flags = ["--models", source.spec.name, "--repository", str(places.of(case))]
            flags += ["--threads", str(places.threads), "--max-requests", str(case.concurrency + 1)]
            gateway = stack.enter_context(running_gateway(folder / "log", *flags))
            url, peak = str(gateway.client.base_url), gateway.peak_bytes
        try:
            described = httpx2.get(f"{url}/models/{source.spec.name}", timeout=_LOOK_SECONDS)
            described.raise_for_status()
            precision = precision_of_gateway(described.json(), case.kind(source.spec))
        except (httpx2.HTTPError, ValueError) as error:
            raise EngineUnavailable(f"{url} does not say what it serves: {error}") from error
        limits = httpx2.Limits(max_connections=case.concurrency)
        client = httpx2.AsyncClient(base_url=url, timeout=600, limits=limits)

        async def call() -> None:
            try:
                answer = await client.post("/segment", params=query, content=sent)
                answer.raise_for_status()
            except httpx2.HTTPError as error:
                raise EngineUnavailable(f"{url} did not answer with a mask: {error}") from error

        yield Runner(
            call,
            "HTTP: PNG sent → PNG mask received",
            "server",
            peak or (lambda: None),
            served_precision=precision,
        )
