"""Graphs in the model repository and the manifests that vouch for them.

    model_repository/<name>_<kind>/1/model.onnx
                                     manifest.json

A graph is loaded only if its manifest is there, fits the zoo, and the file's SHA-256
is the one written down.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from ocrnet.errors import ArtefactError
from ocrnet.zoo.spec import ModelSpec, Size

Kind = Literal["dynamic", "window", "whole"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What stands beside a graph.

    checkpoint: where the weights came from; checkpoint_sha256: empty for stand-in weights.
    height, width: None where the graph takes any.
    parity: largest logit error against PyTorch, over the largest logit, per size tried.
    """

    model: str
    kind: Kind
    file: str
    sha256: str
    precision: str
    height: int | None
    width: int | None
    outputs: list[str]
    checkpoint: str
    checkpoint_sha256: str
    versions: dict[str, str]
    parity: dict[str, float]

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into the graph's folder."""
        text = json.dumps(asdict(self), indent=2) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Graph:
    """A graph whose manifest was checked."""

    path: Path
    manifest: Manifest

    @property
    def fixed_size(self) -> Size | None:
        """The one size it takes; None: any."""
        manifest = self.manifest
        if manifest.height is None or manifest.width is None:
            return None
        return Size(manifest.height, manifest.width)


def graph_folder(repository: Path, model: str, kind: Kind) -> Path:
    """Where a model's graph of that kind lies: version 1, as Triton lays it out."""
    return repository / f"{model}_{kind}" / "1"


def sha256_of(path: Path) -> str:
    """Hash a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_graphs(repository: Path, spec: ModelSpec) -> list[Graph]:
    """Return the model's graphs that are there, each checked against its manifest.

    Raises ArtefactError if there is none, or if one of them cannot be trusted.
    """
    folders = [graph_folder(repository, spec.name, kind) for kind in KINDS]
    graphs = [
        _checked(folder, spec) for folder in folders if folder.is_dir() and any(folder.iterdir())
    ]
    if not graphs:
        raise ArtefactError(
            f"{repository} holds no graph of {spec.name}: "
            f"build it with 'ocrnet export onnx {spec.name}'"
        )
    return graphs


def kinds_present(repository: Path, model: str) -> list[Kind]:
    """The kinds of graph that the repository has of a model, unchecked."""
    return [k for k in KINDS if (graph_folder(repository, model, k) / MANIFEST).is_file()]


def _checked(folder: Path, spec: ModelSpec) -> Graph:
    manifest = read_manifest(folder / MANIFEST)
    if manifest.model != spec.name:
        raise ArtefactError(f"{folder / MANIFEST} is of {manifest.model}, not of {spec.name}")
    if folder != graph_folder(folder.parents[1], spec.name, manifest.kind):
        raise ArtefactError(f"{folder / MANIFEST} is of a {manifest.kind} graph: it lies elsewhere")
    path = folder / manifest.file
    if Path(manifest.file).name != manifest.file or not path.is_file():
        raise ArtefactError(f"{folder / MANIFEST} names {manifest.file!r}, which is not beside it")
    actual = sha256_of(path)
    if actual != manifest.sha256:
        raise ArtefactError(
            f"{path} is damaged or not the file of its manifest: SHA-256 {actual}, "
            f"not {manifest.sha256}; export it again"
        )
    return Graph(path, manifest)


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest's fields; raises ArtefactError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing: a graph is served only with it") from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error
    names = {field.name for field in fields(Manifest)}
    if (
        not isinstance(data, dict)
        or set(data) != names
        or data["kind"] not in KINDS
        or not all(isinstance(data[key], str) for key in ("model", "file", "sha256"))
        or not all(isinstance(data[key], int | None) for key in ("height", "width"))
        or not isinstance(data["outputs"], list)
        or "logits" not in data["outputs"]
    ):
        raise ArtefactError(f"{path} is not a manifest of this version: export the graph again")
    return Manifest(**data)
