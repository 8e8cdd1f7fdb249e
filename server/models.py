"""The models that this gateway serves."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ocrnet.artefacts import Graph, find_graphs
from ocrnet.engines import Engine, open_engine
from ocrnet.errors import UnknownModel
from ocrnet.zoo import DATASETS, ModelSpec, get_spec
from server.settings import Settings


@dataclass(frozen=True)
class ServedModel:
    """A model and the engine that runs it."""

    spec: ModelSpec
    engine: Engine
    graphs: list[Graph]


class ServedModels:
    """Looks models up by name or alias; the first one is the default."""

    def __init__(self, models: list[ServedModel]):
        self._by_name = {model.spec.name: model for model in models}

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._by_name.values())

    def get(self, name: str | None) -> ServedModel:
        """Return the model called `name`; None: the default. Raises UnknownModel."""
        if name is None:
            return next(iter(self._by_name.values()))
        served = ", ".join(self._by_name)
        try:
            spec = get_spec(name)
        except UnknownModel:
            raise UnknownModel(f"no model is called {name[:80]!r}; served: {served}") from None
        if spec.name not in self._by_name:
            raise UnknownModel(f"{spec.name} is not served here; served: {served}")
        return self._by_name[spec.name]

    async def close(self) -> None:
        """Close every engine."""
        for model in self._by_name.values():
            await model.engine.close()


def open_models(settings: Settings) -> ServedModels:
    """Open an engine for every model of the settings; raises UnknownModel, ArtefactError."""
    models = []
    # By spec: two aliases of one model are one model.
    for spec in dict.fromkeys(get_spec(name) for name in settings.model_names):
        graphs = find_graphs(settings.repository, spec)
        engine = open_engine(spec, graphs, threads=settings.threads)
        models.append(ServedModel(spec, engine, graphs))
    return ServedModels(models)


def describe(model: ServedModel) -> dict[str, object]:
    """The facts that `GET /models/{name}` gives."""
    spec, labels = model.spec, model.spec.labels
    return {
        "name": spec.name,
        "aliases": spec.aliases,
        "backbone": spec.backbone,
        "dataset": DATASETS[spec.dataset],
        "crop": str(spec.crop),
        "stride": str(spec.stride),
        "output_stride": spec.output_stride,
        "published": asdict(spec.published),
        "classes": [
            {"index": index, "name": name, "colour": labels.colours[index].tolist()}
            for index, name in enumerate(labels.names)
        ],
        "graphs": [
            {
                "kind": graph.manifest.kind,
                "precision": graph.manifest.precision,
                "size": str(graph.fixed_size) if graph.fixed_size else "any",
                "sha256": graph.manifest.sha256,
                "checkpoint": graph.manifest.checkpoint,
                "parity": graph.manifest.parity,
            }
            for graph in model.graphs
        ],
    }
