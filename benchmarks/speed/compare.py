"""Which figures may be set against each other, and the ratio of those that may."""

from typing import Any

from benchmarks.speed.case import Case, published_size
from ocrnet.errors import InputError
from ocrnet.zoo import ModelSpec, get_spec

Result = dict[str, Any]

# What a multiple may differ in; all else has to be alike.
_FREE = ("engine", "precision", "graph", "model", "concurrency")
_WORK = [name for name in Case.__annotations__ if name not in _FREE]


def times_torch(result: Result, results: list[Result]) -> float | None:
    """Return how many times the fps of PyTorch in float32 on the same work; None without it."""
    for other in results:
        if (other.get("engine"), other.get("precision")) == ("torch", "float32") and all(
            other[name] == result[name] for name in _WORK
        ):
            return _ratio(result, other)
    return None


def times_published(result: Result, spec: ModelSpec, device: str) -> float | None:
    """Return how many times the published fps: of the same protocol on the same device alone."""
    published, size = spec.published, published_size(spec)
    alike = (
        (result["engine"], result["precision"], result["mode"]) == ("torch", "float32", "whole")
        and (result["batch"], result["concurrency"]) == (1, 1)
        and (result["height"], result["width"]) == (size.height, size.width)
    )
    if not alike or published.fps is None or published.device is None or "fps" not in result:
        return None
    if published.device not in device.replace("-", " ").split():
        return None
    return float(result["fps"] / published.fps)


def times_baseline(content: dict[str, Any], baseline: dict[str, Any]) -> list[float | None]:
    """Return for each result how many times the baseline's fps; None for what that has not.

    Raises InputError for another device or protocol, and for cases with another timing boundary.
    """
    for name in ("machine", "settings"):
        if content[name] != baseline[name]:
            raise InputError(
                f"the baseline is of other {name}, {baseline[name]}, not {content[name]}: its "
                "figures cannot be compared with these"
            )
    ratios: list[float | None] = []
    for result in content["results"]:
        same = [
            other
            for other in baseline["results"]
            if all(other[name] == result[name] for name in Case.__annotations__)
        ]
        if same and same[0].get("boundary") != result.get("boundary"):
            raise InputError(
                f"{Case(**{name: result[name] for name in Case.__annotations__})}: the baseline "
                f"timed {same[0].get('boundary')!r}, here it is {result.get('boundary')!r}"
            )
        ratios.append(_ratio(result, same[0]) if same else None)
    return ratios


def rows_of(result: Result, models: dict[str, list[str]]) -> list[ModelSpec]:
    """Return the published models that share the result's architecture."""
    specs = (get_spec(name) for name in models[result["architecture"]])
    return [spec for spec in specs if spec.published.miou is not None]


def _ratio(result: Result, other: Result) -> float | None:
    if "fps" not in result or "fps" not in other:
        return None
    return float(result["fps"] / other["fps"])
