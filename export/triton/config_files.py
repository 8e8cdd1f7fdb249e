"""The configurations of a model as files of the model repository."""

from pathlib import Path

from export.artefacts.targets import kinds_of
from export.graphs.onnx_export import fixed_size
from export.triton.loaded_files import loaded_files
from export.triton.models import VARIANTS, Serving, Variant, model_config
from export.triton.pbtxt import format_config
from export.triton.weights import artefact_weights, stated_parameters, with_parameters
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec


def config_files(
    spec: ModelSpec, serving: Serving, repository: Path | None = None
) -> dict[str, str]:
    """Return the text of every file of a model, by its path below the repository.

    repository: whose artefacts' checkpoint is named in the parameters; where an artefact is not
    there, what a file says already is kept. None: no weights are named.
    """
    files = {}
    for kind in kinds_of(spec):
        for variant in VARIANTS:
            config = model_config(spec, kind, fixed_size(spec, kind), variant, serving)
            name = f"{config.name}/{_place(variant)}"
            text = _head(spec) + format_config(config)
            if repository is not None:
                stated = _stated(text, repository / name, repository / config.name, spec)
                text = with_parameters(text, stated)
            files[name] = text
    return files


def loadable_kinds(spec: ModelSpec, repository: Path) -> dict[str, list[Kind]]:
    """List, for each configuration, the graphs whose artefact it finds in the repository.

    Configurations are named as below the folder of a graph. Triton refuses to start with a model
    without an artefact.
    """
    found: dict[str, list[Kind]] = {}
    for variant in VARIANTS:
        kinds = found.setdefault(_place(variant), [])
        for kind in kinds_of(spec):
            config = model_config(spec, kind, fixed_size(spec, kind), variant, Serving())
            versions = graph_folder(repository, spec.name, kind)
            if any((versions / file).is_file() for file, _ in loaded_files(config)):
                kinds.append(kind)
    return found


def write_configs(spec: ModelSpec, repository: Path, serving: Serving) -> list[Path]:
    """Write them; return those that were not there just so. Raises ArtefactError."""
    changed = stale_configs(spec, repository, serving)
    texts = config_files(spec, serving, repository)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path.relative_to(repository).as_posix()], encoding="utf-8")
    return changed


def stale_configs(spec: ModelSpec, repository: Path, serving: Serving) -> list[Path]:
    """Return the files that are missing or that would be written otherwise."""
    return [
        repository / name
        for name, text in config_files(spec, serving, repository).items()
        if _read(repository / name) != text
    ]


def name_weights(spec: ModelSpec, repository: Path, kind: Kind) -> list[str]:
    """Let the configurations of a graph that are there name the weights of its artefacts.

    Called once an artefact was built; nothing else in them changes, and nothing that is wrong with
    them undoes the build. Returns a sentence for each that changed or could not be.
    """
    folder = repository / f"{spec.name}_{kind}"
    said = []
    for path in (folder / _place(variant) for variant in VARIANTS):
        try:
            said.append(_name_weights(path, folder, spec))
        except (ArtefactError, OSError, UnicodeDecodeError) as error:
            said.append(f"{path} was not updated: {error}")
    return [sentence for sentence in said if sentence]


def _name_weights(path: Path, folder: Path, spec: ModelSpec) -> str:
    text = _read(path)
    if text is None:
        return ""
    ours = text.startswith(_head(spec))
    named = stated_parameters(text)
    if not ours and not named:
        return ""  # somebody else's, of unknown weights
    stated = _stated(text, path, folder, spec)
    if stated == named:
        return ""
    if not ours:
        return (
            f"{path} names other weights than those of the artefacts beside it, and was not "
            "written by 'ocrnet export repository': correct its parameters"
        )
    path.write_text(with_parameters(text, stated), encoding="utf-8")
    return f"{path} now names these weights" if stated else f"{path} no longer names weights"


def _stated(text: str, path: Path, folder: Path, spec: ModelSpec) -> dict[str, str]:
    """What the configuration `text` is to say of its weights; path: the file as it is now."""
    try:
        weights = artefact_weights(text, folder / "1", spec)
        if weights is not None:
            return weights.as_parameters()
        return stated_parameters(_read(path) or "")
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from error


def _head(spec: ModelSpec) -> str:
    return f"# By 'ocrnet export repository {spec.name}': change it there, not here.\n"


def _place(variant: Variant) -> str:
    return "config.pbtxt" if variant == "plan" else f"configs/{variant}.pbtxt"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
