"""The models that this gateway serves, and when each one is loaded."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ocrnet.artefacts import (
    UNKNOWN,
    ServedPrecision,
    Weights,
    common_weights,
    find_graphs,
)
from ocrnet.artefacts.repository import check_artefact
from ocrnet.concurrency import in_thread
from ocrnet.engines import BatchingEngine, Engine, EngineOptions, choose_gpu, open_engine
from ocrnet.engines.triton import (
    TritonConnection,
    TritonEngine,
    TritonGraph,
    served_graphs,
    served_weights,
)
from ocrnet.errors import ArtefactError, UnknownModel
from ocrnet.formats.legend import legend_png
from ocrnet.zoo import ModelSpec, get_spec
from server.responses import GraphInProcess, GraphOnTriton
from server.settings import Settings

_logger = logging.getLogger("ocrnet.gateway")


class ServedModel:
    """A model, what is said of its graphs, and the engine that runs it once it is loaded."""

    def __init__(
        self,
        spec: ModelSpec,
        graphs: Sequence[GraphInProcess | GraphOnTriton],
        opener: Callable[[], Engine],
        precision: ServedPrecision | None = None,
        weights: Weights = UNKNOWN,
        on_triton: TritonEngine | None = None,
    ):
        """graphs: as `GET /models/{name}` shows them.

        opener: makes the engine; it takes seconds and the model's memory. precision: None where
        the graphs alone know, those of Triton. weights: of all graphs. on_triton: the engine, if it
        is one that learns when Triton serves other graphs than before.
        """
        self.spec = spec
        self.graphs = list(graphs)
        self.precision = precision
        self.weights = weights
        self.on_triton = on_triton
        self.memory_bytes: int | None = None  # what the process grew by when it was loaded
        self._opener = opener
        self._engine: Engine | None = None
        self._loading: asyncio.Task[Engine] | None = None

    @cached_property
    def legend(self) -> bytes:
        """The classes and their colours as PNG, drawn once: it takes up to 80 ms."""
        return legend_png(self.spec.labels)

    @property
    def graphs_in_words(self) -> str:
        """Which graph runs images of which size; empty where Triton chooses among its own."""
        graphs = [graph for graph in self.graphs if isinstance(graph, GraphInProcess)]
        fixed = [f"{graph.size} {_way(graph)}" for graph in graphs if graph.kind != "dynamic"]
        rest = "other sizes" if fixed else "all sizes"
        return "; ".join(
            fixed + [f"{rest} {_way(graph)}" for graph in graphs if graph.kind == "dynamic"]
        )

    @property
    def loaded(self) -> bool:
        """Whether a request finds the engine open."""
        return self._engine is not None

    def load(self) -> Engine:
        """Open the engine if it is not; raises ArtefactError."""
        if self._engine is None:
            before = resident_bytes()
            self._engine = self._opener()
            after = resident_bytes()
            if before is not None and after is not None:
                self.memory_bytes = max(0, after - before)
        return self._engine

    @property
    def device_lost(self) -> bool:
        """Whether the engine's GPU stopped working: every request fails until a restart."""
        return isinstance(self._engine, BatchingEngine) and self._engine.lost

    async def engine(self) -> Engine:
        """Return the engine, loading it in a thread on first use; raises ArtefactError.

        All who need it meanwhile wait for the same load, and it goes on if they leave.
        """
        if self._engine is not None:
            return self._engine
        if self._loading is None or self._loading.done():  # done: it failed, so it is tried again
            self._loading = asyncio.create_task(in_thread(self.load))
        return await asyncio.shield(self._loading)

    async def close(self) -> None:
        """Close the engine if there is one, or will be."""
        if self._loading is not None:
            await asyncio.wait([self._loading])
        if self._engine is not None:
            await self._engine.close()


class ServedModels:
    """Looks models up by name or alias."""

    def __init__(
        self,
        models: list[ServedModel],
        default: str = "",
        triton: TritonConnection | None = None,
    ):
        """default: the model of requests that name none; empty: the first.

        triton: that the engines share, if they do.
        """
        self._by_name = {model.spec.name: model for model in models}
        self.triton = triton
        self.default = get_spec(default).name if default else next(iter(self._by_name))

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._by_name.values())

    def get(self, name: str | None) -> ServedModel:
        """Return the model called `name`; None: the default. Raises UnknownModel."""
        if name is None:
            return self._by_name[self.default]
        served = ", ".join(self._by_name)
        try:
            spec = get_spec(name)
        except UnknownModel:
            raise UnknownModel(f"no model is called {name[:80]!r}; served: {served}") from None
        if spec.name not in self._by_name:
            raise UnknownModel(f"{spec.name} is not served here; served: {served}")
        return self._by_name[spec.name]

    async def ask_triton(self) -> None:
        """Ask Triton again what it serves: it may have come back with other graphs or weights."""
        if self.triton is None:
            return
        for model in self._by_name.values():
            try:
                graphs = await in_thread(served_graphs, self.triton, model.spec)
                model.graphs = _describe_on_triton(graphs)
                if model.on_triton is not None:
                    model.on_triton.serve(graphs)
                model.weights = served_weights(graphs, self.triton.address)
            except ArtefactError as error:
                model.weights = UNKNOWN
                _logger.warning("%s", error)

    async def close(self) -> None:
        """Close every engine."""
        for model in self._by_name.values():
            await model.close()
        if self.triton is not None:
            await self.triton.close()


def open_models(settings: Settings, announce: Callable[[str], None]) -> ServedModels:
    """Check the graphs of every model of the settings, and load them unless that waits.

    announce: is told when Triton is waited for, and which GPU is used. Raises UnknownModel,
    ArtefactError, also where a GPU is asked for and none works, OutOfMemory.
    """
    triton = TritonConnection(settings.triton) if settings.triton else None
    if triton:
        triton.wait_until_ready(settings.triton_wait, announce)
    gpu = choose_gpu(settings.device, announce)
    options = replace(settings.engine_options, gpu=gpu)
    models = []
    # By spec: two aliases of one model are one model.
    for spec in dict.fromkeys(get_spec(name) for name in settings.model_names):
        model = _on_triton(spec, triton) if triton else _in_process(spec, settings, options)
        if settings.load == "start":
            model.load()
        models.append(model)
    return ServedModels(models, settings.default_model, triton)


def _on_triton(spec: ModelSpec, triton: TritonConnection) -> ServedModel:
    graphs = served_graphs(triton, spec)
    weights = served_weights(graphs, triton.address)
    engine = TritonEngine(triton, graphs)
    described = _describe_on_triton(graphs)
    return ServedModel(spec, described, lambda: engine, weights=weights, on_triton=engine)


def _describe_on_triton(graphs: list[TritonGraph]) -> list[GraphInProcess | GraphOnTriton]:
    return [
        GraphOnTriton(
            kind=graph.kind,
            precision=graph.precision,
            size=str(graph.size) if graph.size else "any",
            outputs=sorted(graph.outputs),
            triton=graph.name,
            max_batch=graph.max_batch,
        )
        for graph in graphs
    ]


def _in_process(spec: ModelSpec, settings: Settings, options: EngineOptions) -> ServedModel:
    precision = settings.precision_of(spec.name)
    on_gpu = options.gpu is not None

    graphs = find_graphs(settings.repository, spec, precision, on_gpu=on_gpu)
    runtime = "onnxruntime" if on_gpu else settings.runtime
    on_cpu = "CPUExecutionProvider" if runtime == "onnxruntime" else None
    provider = "CUDAExecutionProvider" if on_gpu else on_cpu
    described = [
        GraphInProcess(
            kind=graph.manifest.kind,
            precision=graph.manifest.precision,
            size=str(graph.fixed_size) if graph.fixed_size else "any",
            outputs=sorted(graph.manifest.outputs),
            runtime=runtime,
            device=str(options.gpu or "CPU"),
            provider=provider,
            passes=graph.manifest.build.passes,
            sha256=graph.manifest.files[graph.manifest.file],
            checkpoint=graph.manifest.checkpoint,
            parity=graph.manifest.parity,
        )
        for graph in graphs
    ]
    weights = common_weights(graph.weights(spec) for graph in graphs) or UNKNOWN

    def open_now() -> Engine:
        if settings.load == "first-use":  # the files may be others than those that were described
            for graph in graphs:
                now = check_artefact(graph.path.parent, graph.path.name, spec)
                if now.manifest != graph.manifest:
                    raise ArtefactError(
                        f"{graph.path} is another graph than when the gateway started: restart it"
                    )
        return open_engine(spec, graphs, options)

    return ServedModel(spec, described, open_now, precision, weights)


def _way(graph: GraphInProcess) -> str:
    precision = "INT8" if graph.precision == "int8" else graph.precision
    return f"{precision}, {'rewritten' if graph.passes else 'plain'} graph"


def resident_bytes() -> int | None:
    """Memory of this process as the system counts it; None where it does not say (not Linux)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(found[0]) * 1024 if found else None
