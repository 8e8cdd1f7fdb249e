"""What verification found, as it is written to JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from export.evaluation.gates import Gate

Verdict = Literal["pass", "fail", "not run"]


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
class Figures:
    """An artefact against PyTorch.

    logit_error: of the largest logit; None: a logit is not finite. changed_labels: share of pixels.
    miou, miou_of_present, iou: as of Reference. miou_loss: PyTorch's miou_of_present minus the
    artefact's, in points; None where it is not judged (ConfusionMatrix.miou_loss). worst_class: of
    the present ones, with its loss of IoU in points.
    latency_ms: median; None where the CPU only imitates the precision. speedup: median over the
    pictures of PyTorch's seconds over the artefact's.
    """

    logit_error: float | None
    changed_labels: float
    miou: float | None
    miou_of_present: float | None
    miou_loss: float | None
    iou: dict[str, float | None]
    worst_class: tuple[str, float] | None
    latency_ms: float | None
    speedup: float | None


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
class Report:
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

    def write_json(self, path: Path) -> None:
        """Write all of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps(asdict(self), indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
