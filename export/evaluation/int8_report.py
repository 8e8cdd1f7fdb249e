"""What is written beside an INT8 artefact: which parts stayed floating, and why."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from export.evaluation.int8_judge import Figures, Gate

# After the whole name of the artefact's file, as that of manifests.
INT8_SUFFIX = ".int8.json"


@dataclass(frozen=True)
class Attempt:
    """One choice of floating parts, and its figures on the pictures held back."""

    floating: list[str]
    figures: Figures


@dataclass(frozen=True)
class Part:
    """One part of the network.

    changed_labels: share of pixels whose label changes when this part alone is INT8; None: not
    measured. why: empty unless it is floating.
    """

    name: str
    floating: bool
    why: str
    changed_labels: float | None


@dataclass(frozen=True)
class Report:
    """pictures: their origin. miou: as Judge.miou.

    attempts: the first with the parts that float by default, the last as the artefact is.
    """

    pictures: str
    calibrated: int
    held_out: int
    miou: float | None
    gate: Gate
    attempts: list[Attempt]
    parts: list[Part]

    @property
    def figures(self) -> Figures:
        """The artefact's."""
        return self.attempts[-1].figures

    @property
    def floating(self) -> list[str]:
        """The artefact's parts in float."""
        return self.attempts[-1].floating

    @property
    def measured(self) -> bool:
        """Whether each part was measured alone."""
        return all(part.changed_labels is not None for part in self.parts)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
