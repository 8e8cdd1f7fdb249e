"""Writes the model repository of the local Triton: the same models, with the Python back end."""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from ocrnet.artefacts import KINDS, Artefact, Kind, find_graphs
from ocrnet.artefacts.repository import check_artefact
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

_MODEL = Path(__file__).with_name("model.py")
DEFAULT_CONFIG = "cpu"
_logger = logging.getLogger("ocrnet.triton")


def write_repository(
    target: Path,
    repository: Path,
    specs: Iterable[ModelSpec],
    *,
    kinds: Iterable[Kind] = KINDS,
    config_name: str = DEFAULT_CONFIG,
    threads: int = 0,
    warmup: bool = False,
) -> list[str]:
    """Write a repository for the local Triton into the folder `target`; return its models' names.

    The configuration of each model and kind in `repository` is kept, except for the back end. The
    graph is the ONNX file that it names; where that is not built, the float32 one of that kind, and
    else the dynamic one, which takes any size. The log says so where another was asked for.

    config_name: `configs/NAME.pbtxt` is served, as Triton's own --model-config-name has it.
    threads: of each graph; 0 takes all cores. warmup: whether models run their configured warm-up
    before the server is ready: on a CPU that takes long and saves nothing.

    Raises ArtefactError for a graph or a configuration that is missing or cannot be trusted.
    """
    names = []
    for spec in specs:
        graphs = {graph.manifest.kind: graph for graph in find_graphs(repository, spec)}
        if "dynamic" not in graphs:
            raise ArtefactError(
                f"{repository} has no dynamic graph of {spec.name}: "
                f"build it with 'ocrnet export build {spec.name}'"
            )
        for kind in kinds:
            name = f"{spec.name}_{kind}"
            # The other kinds are optional; only the dynamic one takes images of every size.
            if kind != "dynamic" and not (repository / name).is_dir():
                continue
            config = _read_config(repository, spec, kind, config_name)
            named = _named_graph(repository / name, config, spec, graphs.get(kind))
            graph = named or graphs["dynamic"]
            if config_name != DEFAULT_CONFIG and graph.path.name != config.default_model_filename:
                _logger.warning(
                    "%s runs %s in float32: the graph that its configuration '%s' names is not "
                    "built, or no ONNX file",
                    name, graph.path, config_name,
                )  # fmt: skip
            _use_python_backend(config, graph, spec, threads)
            if not warmup:
                del config.model_warmup[:]
            _write(target / name, config)
            names.append(name)
    return names


def _read_config(repository: Path, spec: ModelSpec, kind: Kind, config_name: str) -> ModelConfig:
    """Return the configuration of that name; without one for CPUs, the one for plans will do."""
    folder = repository / f"{spec.name}_{kind}"
    candidates = [folder / "configs" / f"{config_name}.pbtxt"]
    if config_name == DEFAULT_CONFIG:
        candidates.append(folder / "config.pbtxt")
    path = next((path for path in candidates if path.is_file()), None)
    if path is None and config_name != DEFAULT_CONFIG:
        names = ", ".join(sorted(one.stem for one in (folder / "configs").glob("*.pbtxt")))
        raise ArtefactError(
            f"{candidates[0]} is missing: configurations there are {names or 'none'}"
        )
    if path is None:
        raise ArtefactError(
            f"{folder} has no config.pbtxt: write it with 'ocrnet export repository {spec.name}'"
        )
    try:
        config: ModelConfig = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise ArtefactError(f"{path} is not a configuration of a Triton model: {error}") from error
    if config.name not in ("", folder.name):
        raise ArtefactError(f"{path} is of {config.name!r}, not of {folder.name!r}")
    return config


def _named_graph(
    folder: Path, config: ModelConfig, spec: ModelSpec, float32: Artefact | None
) -> Artefact | None:
    """Return the ONNX graph that a configuration names, if it is built, else the float32 one."""
    file = config.default_model_filename
    built = file.endswith(".onnx") and (folder / "1" / file).exists()
    if not built or (float32 is not None and float32.path.name == file):
        return float32
    return check_artefact(folder / "1", file, spec)


def _use_python_backend(
    config: ModelConfig, graph: Artefact, spec: ModelSpec, threads: int
) -> None:
    """Change what depends on the back end, and nothing else."""
    for field in ("platform", "runtime", "optimization"):
        config.ClearField(field)
    config.cc_model_filenames.clear()
    config.backend = "python"
    config.default_model_filename = _MODEL.name
    del config.instance_group[:]
    config.instance_group.add(kind=ModelInstanceGroup.KIND_CPU, count=1)  # it takes all cores
    outputs = [output for output in config.output if output.name in graph.manifest.outputs]
    del config.output[:]
    config.output.extend(outputs)
    for output in config.output:
        if output.name == "logits":  # float32 where the graph that is named is not built
            half = graph.manifest.precision == "float16"
            output.data_type = model_config_pb2.TYPE_FP16 if half else model_config_pb2.TYPE_FP32
    config.parameters.clear()  # those of a graph for GPUs may name other weights
    for key, value in graph.weights(spec).as_parameters().items():
        config.parameters[key].string_value = value
    config.parameters["graph"].string_value = str(graph.path.absolute())
    config.parameters["threads"].string_value = str(threads)


def _write(folder: Path, config: ModelConfig) -> None:
    version = folder / "1"
    version.mkdir(parents=True)
    shutil.copyfile(_MODEL, version / _MODEL.name)
    (folder / "config.pbtxt").write_text(text_format.MessageToString(config), encoding="utf-8")
