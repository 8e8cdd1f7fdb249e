"""The graphs that measurements run: taken from a repository, built there if they are missing."""

from dataclasses import replace
from pathlib import Path

from export.artefacts.source import Source
from export.artefacts.targets import Target
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.commands.needs import checkpoint_of
from export.tensorrt.api import Gpu
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec


def best_checkpoint(spec: ModelSpec) -> str:
    """Return the model's checkpoint if it was pulled, else stand-in weights: as fast, no use."""
    try:
        return checkpoint_of(spec)
    except OcrnetError:
        return RANDOM_WEIGHTS


def ready_graph(
    source: Source,
    kind: Kind,
    target: Target,
    repository: Path,
    gpu: Gpu | None = None,
    *,
    optimised: bool,
    batch: int = 1,
) -> Path:
    """Return the artefact's path; builds it first where it is missing or of other weights.

    optimised: whether a fixed float32 graph is rewritten for CPUs. batch: the most pictures of a
    call; a plan takes eight, or more if they are asked for. Raises ArtefactError.
    """
    # Not needed where PyTorch computes, and it imports the runtimes.
    from export.artefacts.builder import build_artefact, is_current
    from export.artefacts.settings import BuildSettings

    settings = BuildSettings(repository, gpu=gpu, optimised=optimised)
    settings = replace(settings, max_batch=max(settings.max_batch, batch))
    if not is_current(source, kind, target, settings):
        build_artefact(source, kind, target, settings)
    return graph_folder(repository, source.spec.name, kind) / target.file
