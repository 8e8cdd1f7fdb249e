"""What a runner is, and where it finds graphs and servers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.case import Case, EngineName
from benchmarks.speed.protocol import Call


@dataclass(frozen=True)
class Places:
    """Where things are: graphs, and what is asked instead of being started here.

    threads: of engines on the CPU, 0: all cores. triton: HOST:PORT, or local; url: of a gateway.
    """

    repository: Path
    threads: int = 0
    triton: str = "local"
    url: str = ""

    def elsewhere(self, engine: EngineName) -> bool:
        """Whether that engine is a server that runs already."""
        return bool(self.url) if engine == "http" else engine == "triton" and self.triton != "local"

    def of(self, case: Case) -> Path:
        """The repository of the case's graphs: plain and rewritten ones share a name."""
        return self.repository / case.graph


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
