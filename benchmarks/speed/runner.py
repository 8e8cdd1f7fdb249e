"""What a runner is: one way to label images, and what is inside its time."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.speed.protocol import Call


def _unknown() -> int | None:
    return None


@dataclass(frozen=True)
class Runner:
    """One way to label pictures.

    call: labels all its pictures once. boundary: what is inside its time. peak_bytes: the most
    memory that it has held, None where it does not count. tf32: whether convolutions in float32
    round to TF32 on a GPU, None where PyTorch does not compute there.
    """

    call: Call
    boundary: str
    peak_bytes: Callable[[], int | None] = _unknown
    tf32: bool | None = None
