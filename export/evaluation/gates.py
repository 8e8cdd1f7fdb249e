"""What an artefact may differ by from PyTorch, by its precision: every bound of the project."""

import math
from dataclasses import dataclass, replace

from export.evaluation.figures import Figures
from ocrnet.artefacts import Precision


@dataclass(frozen=True)
class Gate:
    """The most that an artefact may be off; fields as those of Figures, None: not judged."""

    logit_error: float | None
    changed_labels: float | None
    miou_loss: float | None

    def __str__(self) -> str:
        """What is allowed, in words."""
        allowed = []
        if self.logit_error is not None:
            allowed.append(f"{self.logit_error:.2g} of the largest logit")
        if self.changed_labels is not None:
            allowed.append(f"{self.changed_labels:.2%} of the labels")
        if self.miou_loss is not None:
            allowed.append(f"{self.miou_loss:.2f} points of mIoU")
        return " and ".join(allowed)


_GATES: dict[Precision, Gate] = {
    "float32": Gate(logit_error=1e-4, changed_labels=1e-4, miou_loss=0.01),
    "float16": Gate(logit_error=3e-2, changed_labels=1e-3, miou_loss=0.1),
    # Logits may move as long as labels stay: 8 bits are off by 1/256 in every layer.
    "int8": Gate(logit_error=None, changed_labels=3e-2, miou_loss=0.5),
}
# Logits of random weights lie close together: more labels flip for the same error.
_UNTRAINED: dict[Precision, float] = {"float32": 1e-4, "float16": 5e-3, "int8": 5e-2}
# Where a gate leaves logits alone, this still tells a wrong graph (other weights, another
# normalisation) from one that is only coarse: by how much the logits of noise may be off.
_WRONG_GRAPH = 0.5


def gate_for(
    precision: Precision,
    *,
    trained: bool,
    changed_labels: float | None = None,
    miou_loss: float | None = None,
) -> Gate:
    """Return the project's gate, or with bounds of one's own in the place of its two."""
    gate = _GATES[precision]
    if not trained:
        gate = replace(gate, changed_labels=_UNTRAINED[precision])
    if changed_labels is not None:
        gate = replace(gate, changed_labels=changed_labels)
    if miou_loss is not None:
        gate = replace(gate, miou_loss=miou_loss)
    return gate


def parity_tolerance(precision: Precision) -> float:
    """Return the largest logit error that a new artefact may have on noise, where it is built.

    The gate's own. INT8 has none, so it is guarded against graphs that are wrong alone: how good
    one is, the judge of INT8 and `ocrnet export verify` say.
    """
    bound = _GATES[precision].logit_error
    return _WRONG_GRAPH if bound is None else bound


def shortcomings(gate: Gate, figures: Figures) -> list[str]:
    """Say what misses the gate; empty if nothing does.

    A figure that is None was not measured and misses nothing, one that is NaN misses its bound.
    """
    missed = []
    logit_error, changed_labels = figures.logit_error, figures.changed_labels
    miou_loss = figures.miou_loss
    if logit_error is not None and not math.isfinite(logit_error):
        missed.append("a logit is not finite")
    elif not _within(logit_error, gate.logit_error):
        missed.append(
            f"logits are off by {logit_error:.2g} of the largest, allowed {gate.logit_error:.2g}"
        )
    if not _within(changed_labels, gate.changed_labels):
        missed.append(
            f"{changed_labels:.3%} of the labels change, allowed {gate.changed_labels:.3%}"
        )
    if not _within(miou_loss, gate.miou_loss):
        missed.append(
            f"mIoU of the classes in the labels falls by {miou_loss:.6g} points, "
            f"allowed {gate.miou_loss:.6g}"
        )
    return missed


def _within(found: float | None, most: float | None) -> bool:
    return found is None or most is None or found <= most
