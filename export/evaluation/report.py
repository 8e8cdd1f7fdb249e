"""What evaluation finds, as it is written to JSON: of one INT8 artefact, or of a whole model."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from export.evaluation.figures import Figures, finite
from export.evaluation.gates import Gate

# After the whole name of the artefact's file, as that of manifests.
INT8_SUFFIX = ".int8.json"

Verdict = Literal["pass", "fail", "not run"]


class Report(ABC):
    """What building or verifying found."""

    @abstractmethod
    def content(self) -> dict[str, object]:
        """As the file has it."""

    def write_json(self, path: Path) -> None:
        """Write all of it; folders that are missing are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.content(), indent=2, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Attempt:
    """One choice of layer groups kept in float, and its figures on the pictures held back."""

    kept_in_float: list[str]
    figures: Figures


@dataclass(frozen=True)
class LayerGroup:
    """One layer group of the network.

    changed_labels: share of pixels whose label changes when this group alone is INT8; None: not
    measured. why: empty unless it is kept in float.
    """

    name: str
    kept_in_float: bool
    why: str
    changed_labels: float | None


@dataclass(frozen=True)
class Int8Report(Report):
    """Which layer groups of an INT8 artefact were kept in float, and why; it lies beside it.

    pictures: their origin. miou: as Judge.miou.

    attempts: the first with the groups kept in float by default, the last as the artefact is.
    """

    pictures: str
    calibrated: int
    held_out: int
    miou: float | None
    gate: Gate
    attempts: list[Attempt]
    groups: list[LayerGroup]

    @property
    def figures(self) -> Figures:
        """The artefact's."""
        return self.attempts[-1].figures

    @property
    def kept_in_float(self) -> list[str]:
        """The artefact's groups in float."""
        return self.attempts[-1].kept_in_float

    @property
    def measured(self) -> bool:
        """Whether each group was measured alone."""
        return all(group.changed_labels is not None for group in self.groups)

    def content(self) -> dict[str, object]:
        """As Report.content: of gate and figures what INT8 is judged by."""
        return {
            "pictures": self.pictures,
            "calibrated": self.calibrated,
            "held_out": self.held_out,
            "miou": self.miou,
            "gate": _of_labels(self.gate),
            "attempts": [
                {"floating": attempt.kept_in_float, "figures": _of_labels(attempt.figures)}
                for attempt in self.attempts
            ],
            "parts": [
                {
                    "name": group.name,
                    "floating": group.kept_in_float,
                    "why": group.why,
                    "changed_labels": group.changed_labels,
                }
                for group in self.groups
            ],
        }


@dataclass(frozen=True)
class Reference:
    """PyTorch on the pictures of one kind of graph.

    miou, miou_of_present: 0 to 1, as ConfusionMatrix has them; None without true labels. iou: by
    class, 0 to 1. present: the classes that the true labels hold. latency_ms: median.
    """

    miou: float | None
    miou_of_present: float | None
    iou: dict[str, float | None]
    present: list[str]
    latency_ms: float | None


@dataclass(frozen=True)
class Verified:
    """An artefact, its figures, its gate, and the verdict with its reasons.

    figures: None if it was not run.
    """

    file: str
    format: str
    precision: str
    gate: Gate | None
    figures: Figures | None
    verdict: Verdict
    reasons: list[str]


@dataclass(frozen=True)
class KindReport:
    """All artefacts of one kind of graph.

    size: HEIGHTxWIDTH of a fixed one, else None. reference: None if no artefact was run.
    """

    kind: str
    size: str | None
    reference: Reference | None
    artefacts: list[Verified]


@dataclass(frozen=True)
class VerificationReport(Report):
    """One run of `ocrnet export verify`."""

    model: str
    checkpoint: str
    checkpoint_sha256: str
    pictures: str
    date: str
    machine: str
    versions: dict[str, str]
    kinds: list[KindReport]

    @property
    def passed(self) -> bool:
        """Whether none failed and at least one was run."""
        return not self.count("fail") and self.count("pass") > 0

    @property
    def artefacts(self) -> list[Verified]:
        """Of all kinds."""
        return [artefact for kind in self.kinds for artefact in kind.artefacts]

    def count(self, verdict: Verdict) -> int:
        """How many artefacts have that verdict."""
        return sum(artefact.verdict == verdict for artefact in self.artefacts)

    def content(self) -> dict[str, object]:
        """As Report.content."""
        return asdict(self, dict_factory=_without_infinity)


def _of_labels(one: Gate | Figures) -> dict[str, float | None]:
    return {"changed_labels": one.changed_labels, "miou_loss": one.miou_loss}


def _without_infinity(fields: list[tuple[str, object]]) -> dict[str, object]:
    """JSON has no number for the error of a logit that is not finite: null."""
    return {
        name: finite(value) if name == "logit_error" and isinstance(value, float) else value
        for name, value in fields
    }
