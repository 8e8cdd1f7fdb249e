"""Which figures may be set against each other, and the ratio of those that may."""

from dataclasses import asdict, fields

from benchmarks.speed.case import Arithmetic, Case, published_size
from benchmarks.speed.fps_results import FpsResult, FpsRun
from ocrnet.errors import InputError
from ocrnet.zoo import ModelSpec, get_spec

# What a multiple may differ in; all else has to be alike.
_FREE = ("engine", "precision", "graph", "model", "concurrency")
_WORK = [one.name for one in fields(Case) if one.name not in _FREE]
# PyTorch's convolutions take TF32 on GPUs that have it, unless told otherwise.
_BASES: tuple[Arithmetic, ...] = ("tf32", "float32")
_PUBLISHED_IN: dict[str, Arithmetic] = {"A100": "tf32", "V100": "float32"}


def times_torch(result: FpsResult, results: list[FpsResult]) -> float | None:
    """Return how many times the fps of eager PyTorch on the same work; None without it.

    In TF32, PyTorch's default on a GPU, where that was measured, else in float32.
    """
    for base in _BASES:
        for other in results:
            if (other.case.engine, other.case.precision) == ("torch", base) and all(
                getattr(other.case, name) == getattr(result.case, name) for name in _WORK
            ):
                return _ratio(result, other)
    return None


def torch_by_default(results: list[FpsResult]) -> dict[str, FpsResult]:
    """Return eager PyTorch's results by architecture: in TF32 where measured, else in float32.

    Of whole pictures, one at a time, and of those alone that have figures.
    """
    found: dict[str, FpsResult] = {}
    for base in reversed(_BASES):
        for result in results:
            case = result.case
            usual = (case.engine, case.precision, case.mode) == ("torch", base, "whole")
            if usual and (case.batch, case.concurrency) == (1, 1) and result.measured:
                found[case.architecture] = result
    return found


def times_published(result: FpsResult, spec: ModelSpec, device: str) -> float | None:
    """Return how many times the published fps: of the same protocol on the same device alone."""
    published, case, measured = spec.published, result.case, result.measured
    if published.fps is None or published.device is None or measured is None:
        return None
    precision = _PUBLISHED_IN.get(published.device, "float32")
    alike = (
        (case.engine, case.precision, case.mode) == ("torch", precision, "whole")
        and (case.batch, case.concurrency) == (1, 1)
        and case.size == published_size(spec)
    )
    if not alike:
        return None
    if published.device not in device.replace("-", " ").split():
        return None
    return measured.fps / published.fps


def times_baseline(run: FpsRun, baseline: FpsRun) -> list[float | None]:
    """Return for each result how many times the baseline's fps; None for what that has not.

    Raises InputError for another device or protocol, and for cases with another timing boundary.
    """
    for name, ours, theirs in (
        ("machine", run.machine.to_json(), baseline.machine.to_json()),
        ("settings", asdict(run.settings), asdict(baseline.settings)),
    ):
        if ours != theirs:
            raise InputError(
                f"the baseline is of other {name}, {theirs}, not {ours}: its figures cannot be "
                "compared with these"
            )
    ratios: list[float | None] = []
    for result in run.results:
        same = [other for other in baseline.results if other.case == result.case]
        if same and _boundary(same[0]) != _boundary(result):
            raise InputError(
                f"{result.case}: the baseline timed {_boundary(same[0])!r}, here it is "
                f"{_boundary(result)!r}"
            )
        ratios.append(_ratio(result, same[0]) if same else None)
    return ratios


def rows_of(result: FpsResult, models: dict[str, list[str]]) -> list[ModelSpec]:
    """Return the published models that share the result's architecture."""
    specs = (get_spec(name) for name in models[result.case.architecture])
    return [spec for spec in specs if spec.published.miou is not None]


def _boundary(result: FpsResult) -> str | None:
    return result.measured.boundary if result.measured else None


def _ratio(result: FpsResult, other: FpsResult) -> float | None:
    if result.measured is None or other.measured is None:
        return None
    return result.measured.fps / other.measured.fps
