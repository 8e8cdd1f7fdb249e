"""What is measured of an artefact: by verification all of it, by the INT8 judge its labels."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figures:
    """An artefact against the network that it was made from.

    logit_error: largest error of a logit over the largest logit, infinite if a logit is not finite;
    None: not measured. changed_labels: share of pixels, 0 to 1. miou, miou_of_present: 0 to 1, as
    ConfusionMatrix has them; None without true labels. miou_loss: the network's miou_of_present
    minus the artefact's, in points; None where it is not judged (ConfusionMatrix.miou_loss).
    iou: by class, 0 to 1. worst_class: of the classes in the true labels, with its loss of IoU in
    points. latency_ms: median; None where the CPU only imitates the precision. speedup: median over
    the images of PyTorch's seconds over the artefact's.
    """

    logit_error: float | None
    changed_labels: float
    miou: float | None = None
    miou_of_present: float | None = None
    miou_loss: float | None = None
    iou: dict[str, float | None] = field(default_factory=dict)
    worst_class: tuple[str, float] | None = None
    latency_ms: float | None = None
    speedup: float | None = None


def finite(value: float | None) -> float | None:
    """Return the value as JSON can hold it: None for one that is not finite."""
    return value if value is not None and math.isfinite(value) else None
