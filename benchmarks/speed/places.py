"""Where a measurement finds graphs and servers."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.case import Case, EngineName


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
        """The repository of the case's graphs: files of different graphs share a name.

        Plain graphs and rewritten ones; plans with and without TF32.
        """
        with_tf32 = case.in_tensorrt and case.tf32
        return self.repository / (f"{case.graph}-tf32" if with_tf32 else case.graph)
