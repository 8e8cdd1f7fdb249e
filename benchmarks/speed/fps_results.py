"""What benchmarks/fps.py measures, and how it stands in a JSON file."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmarks.speed.case import Arithmetic, Case, CasePrecision
from benchmarks.speed.device import Machine
from benchmarks.speed.protocol import Protocol
from benchmarks.speed.runner import LabelsBy

Json = dict[str, Any]
AS_SERVED = "as served"  # weights and graph of a server that ran already: whatever it has


@dataclass(frozen=True)
class Settings(Protocol):
    """How each case of a run is measured. threads: of engines on a CPU, 0: all cores."""

    threads: int = 0


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The figures of one case.

    weights: where they are from. boundary: what is inside the time of a call. labels_by: who
    upsamples and takes the argmax. served_precision: what a server computes in, None where no
    server is asked or it does not say. calls, warmup: how many. p50_ms, p95_ms: milliseconds of a
    call. gmac: of one image, in thousands of millions. peak_mb: the most memory of the process, or
    of the GPU, in MB; gpu_used_mb: in use on the whole GPU. compile_seconds: what compiling or
    capturing the network took before, if it was. clocks_mhz: by part of the device, right after.
    seconds: of each call.

    Older files lack labels_by, served_precision, gpu_used_mb and compile_seconds.
    """

    weights: str
    boundary: str
    labels_by: LabelsBy | None = None
    served_precision: Arithmetic | None = None
    calls: int
    warmup: int
    fps: float
    p50_ms: float
    p95_ms: float
    gmac: float
    peak_mb: float | None
    gpu_used_mb: float | None = None
    compile_seconds: float | None = None
    clocks_mhz: dict[str, float]
    seconds: list[float]

    def to_json(self) -> Json:
        """Return the keys of a result that follow those of its case."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Json) -> "Measurement":
        """Read a result, whatever else it holds."""
        return cls(**_known(cls, row))


@dataclass(frozen=True)
class Failure:
    """A case that could not be measured, and why."""

    error: str

    def to_json(self) -> Json:
        """Return the keys of a result that follow those of its case."""
        return asdict(self)


@dataclass(frozen=True)
class FpsResult:
    """One case and what became of it."""

    case: Case
    outcome: Measurement | Failure

    @property
    def measured(self) -> Measurement | None:
        """The figures; None if there are none."""
        return self.outcome if isinstance(self.outcome, Measurement) else None

    @property
    def precision(self) -> CasePrecision:
        """What was computed in: of a server, what it says."""
        served = self.measured.served_precision if self.measured else None
        return served or self.case.precision

    @property
    def error(self) -> str | None:
        """Why there are no figures; None if there are."""
        return self.outcome.error if isinstance(self.outcome, Failure) else None

    @classmethod
    def from_json(cls, row: Json) -> "FpsResult":
        """Read a row of `results`."""
        case = Case(**_known(Case, row))
        return cls(case, Failure(row["error"]) if "error" in row else Measurement.from_json(row))


@dataclass(frozen=True)
class FpsRun:
    """A whole file: what the results depend on, and the results.

    peaks_gmac_s: GMAC/s of the device by arithmetic. models: the zoo's, by architecture.
    """

    date: str
    note: str
    machine: Machine
    peaks_gmac_s: dict[str, float]
    versions: dict[str, str]
    settings: Settings
    models: dict[str, list[str]]
    results: list[FpsResult]

    def header(self) -> Json:
        """Return all but the results, as JSON has it."""
        return {
            "date": self.date,
            "note": self.note,
            "machine": self.machine.to_json(),
            "peaks_gmac_s": self.peaks_gmac_s,
            "versions": self.versions,
            "settings": asdict(self.settings),
            "models": self.models,
        }

    @classmethod
    def from_json(cls, content: Json) -> "FpsRun":
        """Read a file, whatever else it holds."""
        return cls(
            date=content["date"],
            note=content["note"],
            machine=Machine(**_known(Machine, content["machine"])),
            peaks_gmac_s=content["peaks_gmac_s"],
            versions=content["versions"],
            settings=Settings(**_known(Settings, content["settings"])),
            models=content["models"],
            results=[FpsResult.from_json(row) for row in content["results"]],
        )


def _known(kind: type[Any], content: Json) -> Json:
    """Those of the content's values that the dataclass has a field for."""
    return {one.name: content[one.name] for one in fields(kind) if one.name in content}
