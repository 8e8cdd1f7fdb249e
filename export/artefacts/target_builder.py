"""What the builders of all targets have in common."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.onnx_export import fixed_size
from export.graphs.source import Source
from ocrnet.artefacts import BuildFacts, Kind, Manifest, PlanGpu, Profile
from ocrnet.zoo import Size


@dataclass(frozen=True)
class Job:
    """One artefact to build."""

    source: Source
    kind: Kind
    target: Target
    settings: BuildSettings

    @cached_property
    def size(self) -> Size | None:
        """The one size that the graph takes; None: any."""
        return fixed_size(self.source.spec, self.kind)


@dataclass(frozen=True)
class Written:
    """What a builder has written: its files, and what the manifest says of this target alone."""

    files: list[Path]
    outputs: list[str] = field(default_factory=lambda: ["logits"])
    build: BuildFacts = field(default_factory=BuildFacts)
    profile: Profile | None = None
    gpu: PlanGpu | None = None


class TargetBuilder(Protocol):
    """How artefacts of one target are written, and which that are there need not be built again."""

    def versions(self, target: Target) -> dict[str, str]:
        """The packages, beyond PyTorch and ONNX, whose version decides what is written."""
        ...

    def write(self, job: Job, path: Path) -> Written:
        """Write the artefact to `path`, and what belongs to it beside it; raises ArtefactError."""
        ...

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        """Whether the artefact at `path` is what `write` would write.

        Its files are sound, and its checkpoint and versions were compared.
        """
        ...
