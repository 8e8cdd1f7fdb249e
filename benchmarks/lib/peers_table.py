"""The results of benchmarks/peers.py: as a file, and as one table of several models."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.lib.table import NONE, Table
from ocrnet.zoo import get_spec

Seconds = Mapping[str, list[float]]

# All that takes part, by what is timed; the first of each group is the one that others are set
# against.
ENGINE, REQUEST = "image → logits", "image → label map"
GROUPS = {
    ENGINE: (
        "OpenVINO, unmodified export",
        "the same, N fixed at 1",
        "ONNX Runtime, unmodified export",
        "ours, exact",
        "ours, exact, by ONNX Runtime",
        "ours, fast",
    ),
    REQUEST: (
        "PyTorch, channels first",
        "PyTorch, channels last",
        "ours, exact, HTTP",
        "ours, fast, HTTP",
        "ours, exact, HTTP and Triton",
    ),
}
_BACKBONES = {
    "hr18s": "HRNet-W18-Small",
    "hr18": "HRNet-W18",
    "hr48": "HRNet-W48",
    "r101-d8": "ResNet-101-D8",
}


@dataclass(frozen=True)
class Peers:
    """A run on one machine. models: the seconds of every turn by what ran, by the model's name.

    turns: that count. random: which models have random weights.
    """

    date: str
    device: str
    size: str
    versions: dict[str, str]
    turns: int
    models: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    random: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """From what `vars` gives."""
        return cls(**facts)

    def same_conditions(self, other: Self) -> bool:
        """Whether models of both may stand in one table."""
        names = ("device", "size", "versions", "turns")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def summary(seconds: Seconds) -> Table:
    """One model: medians, and how many times as fast as the first of its group each one is."""
    rows = []
    for group, names in GROUPS.items():
        for name in (name for name in names if name in seconds):
            values = seconds[name]
            rows.append(
                [
                    group,
                    name,
                    f"{statistics.median(values):.3f}",
                    f"{min(values):.3f} to {max(values):.3f}",
                    f"{_times(seconds, names[0], name):.2f}",
                ]
            )
    return Table(["", "", "median s", "range", "times as fast"], rows, left=2)


def peers_table(run: Peers) -> Table:
    """All models beside each other: median seconds, and times as fast as the group's first."""
    head = ["timed", "what runs"]
    for model in run.models:
        head += [f"{_BACKBONES[get_spec(model).backbone]}, s", "×"]
    rows = []
    for group, names in GROUPS.items():
        for name in names:
            cells = [cell for one in run.models.values() for cell in _cells(one, names[0], name)]
            if any(cell != NONE for cell in cells):
                rows.append([group, name, *cells])
    return Table(head, rows, left=2)


def _cells(seconds: Seconds, reference: str, name: str) -> list[str]:
    if name not in seconds or reference not in seconds:
        return [NONE, NONE]
    median = statistics.median(seconds[name])
    return [f"{median:.2f}", f"{_times(seconds, reference, name):.2f}"]


def _times(seconds: Seconds, reference: str, name: str) -> float:
    return statistics.median(seconds[reference]) / statistics.median(seconds[name])
