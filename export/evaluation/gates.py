"""What an artefact may differ by from PyTorch, by its precision."""

from dataclasses import dataclass, replace

from ocrnet.artefacts import Precision


@dataclass(frozen=True)
class Gate:
    """The most that an artefact may be off; None: not judged.

    logit_error: largest error of a logit, over the largest logit. changed_labels: share of pixels
    whose label is another one. miou_loss: points (1/100) of mIoU that the artefact loses against
    PyTorch, as ConfusionMatrix.miou_loss.
    """

    logit_error: float | None
    changed_labels: float | None
    miou_loss: float | None


_GATES: dict[Precision, Gate] = {
    "float32": Gate(logit_error=1e-4, changed_labels=1e-4, miou_loss=0.01),
    "float16": Gate(logit_error=3e-2, changed_labels=1e-3, miou_loss=0.1),
    # Logits may move as long as labels stay: 8 bits are off by 1/256 in every layer.
    "int8": Gate(logit_error=None, changed_labels=3e-2, miou_loss=0.5),
}
# Logits of random weights lie close together: more labels flip for the same error.
_UNTRAINED: dict[Precision, float] = {"float32": 1e-4, "float16": 5e-3, "int8": 5e-2}


def gate_for(
    precision: Precision, *, trained: bool, changed_labels: float | None, miou_loss: float | None
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


def shortcomings(
    gate: Gate, *, logit_error: float | None, changed_labels: float, miou_loss: float | None
) -> list[str]:
    """Say what misses the gate; empty if nothing does.

    logit_error: None if a logit is not finite. miou_loss: None where it is not judged. What is NaN
    misses its bound.
    """
    missed = []
    if logit_error is None:
        missed.append("a logit is not finite")
    elif gate.logit_error is not None and not logit_error <= gate.logit_error:
        missed.append(
            f"logits are off by {logit_error:.2g} of the largest, allowed {gate.logit_error:.2g}"
        )
    if gate.changed_labels is not None and not changed_labels <= gate.changed_labels:
        missed.append(
            f"{changed_labels:.3%} of the labels change, allowed {gate.changed_labels:.3%}"
        )
    if not (miou_loss is None or gate.miou_loss is None or miou_loss <= gate.miou_loss):
        missed.append(
            f"mIoU of the classes in the labels falls by {miou_loss:.6g} points, "
            f"allowed {gate.miou_loss:.6g}"
        )
    return missed
