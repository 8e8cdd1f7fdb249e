"""What a runner is: one way to label images, and what is inside its time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.speed.case import Arithmetic
from benchmarks.speed.protocol import Call

# Who turns logits into label maps. graph: the artefact itself, where the network runs; server:
# whichever of these the server chooses.
LabelsBy = Literal["graph", "torch on GPU", "CPU", "server"]


def _unknown() -> int | None:
    return None


@dataclass(frozen=True)
class Runner:
    """One way to label pictures.

    call: labels all its pictures once. boundary: what is inside its time. labels_by: who upsamples
    and takes the argmax. peak_bytes: the most memory that it has held, None where it does not
    count. compile_seconds: what compiling or capturing the network took, None where nothing was.
    served_precision: what a server computes in; None where none is asked, or it does not say.
    """

    call: Call
    boundary: str
    labels_by: LabelsBy
    peak_bytes: Callable[[], int | None] = _unknown
    compile_seconds: float | None = None
    served_precision: Arithmetic | None = None
