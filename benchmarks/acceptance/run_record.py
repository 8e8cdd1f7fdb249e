"""What an acceptance run has found so far, and how it stands in its JSON file."""

from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.acceptance.step import Facts, StepKind

Status = Literal["passed", "failed", "could not run", "stopped", "not run"]


@dataclass
class StepRecord:
    """One step. reason: why it did not pass, or what was skipped.

    results: as the step's process wrote them; each kind of step has rows of its own. log: the last
    lines of what it said, if it failed.
    """

    name: str
    kind: StepKind
    status: Status
    reason: str
    seconds: float = 0.0
    results: list[Facts] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands among the steps of the file."""
        content = {name: value for name, value in vars(self).items() if name != "log"}
        return content | ({"log": self.log} if self.log else {})


@dataclass
class RunRecord:
    """A whole run. facts: of benchmarks/acceptance/facts.py; empty if they are unknown.

    peaks_gmac_s: as in benchmarks.speed.fps_results.FpsRun.
    """

    date: str
    note: str
    minutes: float
    device: str
    peaks_gmac_s: dict[str, float]
    facts: Facts = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)

    def results_of(self, kind: StepKind) -> list[Facts]:
        """Return the results of all steps of that kind."""
        return [row for step in self.steps if step.kind == kind for row in step.results]

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        return vars(self) | {"steps": [step.to_json() for step in self.steps]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "RunRecord":
        """Read a file that `to_json` gave; raises TypeError for another."""
        steps = [StepRecord(**step) for step in content["steps"]]
        return cls(**(content | {"steps": steps}))
