"""The model repository: where artefacts lie, and those of a model that can be trusted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ocrnet.artefacts.manifest import (
    KINDS,
    MANIFEST_SUFFIX,
    Kind,
    Manifest,
    read_manifest,
    sha256_of,
)
from ocrnet.artefacts.onnx_content import check_self_contained
from ocrnet.artefacts.weights import UNKNOWN, Weights, common_weights, weights_of
from ocrnet.errors import ArtefactError
from ocrnet.zoo.spec import ModelSpec, Size

# What an engine in process runs: everywhere; in OpenVINO on the CPU; on a GPU.
_GRAPH = "model.onnx"
_INT8_GRAPH = "model_int8.xml"
_HALF_GRAPH = "model_fp16.onnx"
_FAST_ON_CPU = ("INT8 graph", _INT8_GRAPH, " --to int8")
_FAST_ON_GPU = ("float16 graph", _HALF_GRAPH, " --to onnx-fp16")


ServedPrecision = Literal["exact", "fast"]


@dataclass(frozen=True)
class Artefact:
    """A graph or plan whose manifest and files were checked."""

    path: Path
    manifest: Manifest

    @property
    def fixed_size(self) -> Size | None:
        """The one size it takes; None: any."""
        manifest = self.manifest
        if manifest.height is None or manifest.width is None:
            return None
        return Size(manifest.height, manifest.width)

    def weights(self, spec: ModelSpec) -> Weights:
        """Where the weights come from; spec: of the artefact's model."""
        return manifest_weights(self.manifest, spec)


def manifest_weights(manifest: Manifest, spec: ModelSpec) -> Weights:
    """Where the weights of an artefact come from, as its manifest says; spec: of its model."""
    return weights_of(
        spec, manifest.checkpoint, manifest.checkpoint_sha256, recorded=manifest.weights
    )


def graph_folder(repository: Path, model: str, kind: Kind) -> Path:
    """Where a model's artefacts of that kind lie: version 1, as Triton lays it out."""
    return repository / f"{model}_{kind}" / "1"


def find_graphs(
    repository: Path,
    spec: ModelSpec,
    served: ServedPrecision = "exact",
    *,
    on_gpu: bool = False,
) -> list[Artefact]:
    """Return the model's graphs of one precision, each checked against its manifest.

    exact: float32, ONNX. fast: INT8, OpenVINO; on a GPU float16, ONNX; where the dynamic graph has
    none of that, the graphs that lack it are the float32 ones. Raises ArtefactError if there is
    none, if one of them cannot be trusted, or if they were not all built from one checkpoint.
    """
    fast = _FAST_ON_GPU if on_gpu else _FAST_ON_CPU
    sort, file, target = ("graph", _GRAPH, "") if served == "exact" else fast
    files = _present(repository, spec, file)
    if not files:
        raise ArtefactError(
            f"{repository} holds no {sort} of {spec.name}: "
            f"build it with 'ocrnet export build {spec.name}{target}'"
        )
    if "dynamic" not in files:
        files = _present(repository, spec, _GRAPH) | files
    graphs = [
        check_artefact(graph_folder(repository, spec.name, kind), files[kind], spec)
        for kind in KINDS
        if kind in files
    ]
    if common_weights(graph.weights(spec) for graph in graphs) is None:
        named = ", ".join(
            f"{graph.path} from {graph.manifest.checkpoint or 'random weights'}" for graph in graphs
        )
        raise ArtefactError(
            f"the graphs of {spec.name} have different weights, so that masks would depend on the "
            f"image's size ({named}): build all of them from one checkpoint with "
            f"'ocrnet export build {spec.name} --checkpoint FILE'"
        )
    return graphs


def _present(repository: Path, spec: ModelSpec, file: str) -> dict[Kind, str]:
    """The file by the kinds of graph that the repository has as that file, unchecked."""
    folders = ((kind, graph_folder(repository, spec.name, kind)) for kind in KINDS)
    return {kind: file for kind, folder in folders if _holds(folder, file)}


def weights_here(repository: Path, spec: ModelSpec) -> Weights | None:
    """The weights of all artefacts of a model, by manifests alone, unchecked; None without any.

    Unknown if a manifest cannot be read or the artefacts have different weights.
    """
    folders = [graph_folder(repository, spec.name, kind) for kind in KINDS]
    paths = [path for folder in folders for path in folder.glob(f"*{MANIFEST_SUFFIX}")]
    if not paths:
        return None
    try:
        found = [manifest_weights(read_manifest(path), spec) for path in paths]
    except ArtefactError:
        return UNKNOWN
    return common_weights(found) or Weights("unknown", note="the artefacts have different weights")


def find_artefacts(repository: Path, spec: ModelSpec, kind: Kind) -> list[Artefact]:
    """Return all of a model's artefacts of that kind, each checked; raises ArtefactError."""
    folder = graph_folder(repository, spec.name, kind)
    return [
        check_artefact(folder, manifest.name.removesuffix(MANIFEST_SUFFIX), spec)
        for manifest in sorted(folder.glob(f"*{MANIFEST_SUFFIX}"))
    ]


def kinds_present(repository: Path, model: str) -> list[Kind]:
    """The kinds of float32 graph that the repository has of a model, unchecked."""
    return [k for k in KINDS if (graph_folder(repository, model, k) / _manifest(_GRAPH)).is_file()]


def check_artefact(folder: Path, file: str, spec: ModelSpec) -> Artefact:
    """Check an artefact's manifest against the zoo and its files; raises ArtefactError."""
    path = folder / _manifest(file)
    manifest = read_manifest(path)
    if manifest.model != spec.name:
        raise ArtefactError(f"{path} is of {manifest.model}, not of {spec.name}")
    if folder != graph_folder(folder.parents[1], spec.name, manifest.kind):
        raise ArtefactError(f"{path} is of a {manifest.kind} graph: it lies elsewhere")
    if manifest.file != file or file not in manifest.files:
        raise ArtefactError(f"{path} is of {manifest.file!r}, not of {file!r}")
    if manifest.classes != spec.classes:
        raise ArtefactError(
            f"{path} has {manifest.classes} classes, {spec.name} has {spec.classes}: it was built "
            "from a checkpoint of another data set"
        )
    for name, expected in manifest.files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise ArtefactError(f"{path} names {name!r}, which is not beside it")
        actual = sha256_of(folder / name)
        if actual != expected:
            raise ArtefactError(
                f"{folder / name} is damaged or not the file of its manifest: SHA-256 {actual}, "
                f"not {expected}; build it again"
            )
    if manifest.format == "onnx":
        check_self_contained(folder / file)
    return Artefact(folder / file, manifest)


def _manifest(file: str) -> str:
    return file + MANIFEST_SUFFIX


def _holds(folder: Path, file: str) -> bool:
    """Whether the artefact or its manifest is there: one alone is an error, not none."""
    return (folder / file).exists() or (folder / _manifest(file)).exists()
