"""Long runs that go on where they were stopped.

A run keeps what is done in a JSON file, beside all that it depends on, and goes on only from a file
of the same. `run_missing` is for runs of many measurements, whose file is their result;
benchmarks/accuracy/state.py is for a count that grows, whose file goes when the run is over.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.lib.json_files import read_json, write_json
from ocrnet.errors import ArtefactError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Facts = dict[str, Any]  # as JSON has it: each command has its own
_Case = TypeVar("_Case", bound="DataclassInstance")

# A result is only good beside others of the same.
_FIXED = ("machine", "versions", "settings")


@dataclass(frozen=True)
class Difference:
    """What a file's run and this one do not share. name: nested names are joined by dots."""

    name: str
    stored: object
    now: object


class ResumeFile:
    """What a run has done so far, on disk."""

    def __init__(self, path: Path, conditions: Facts, *, indent: int | None = 1):
        """conditions: all that the results depend on. indent: None for one line."""
        self.path = path
        self.conditions: Facts = json.loads(json.dumps(conditions))  # as read again: lists
        self._indent = indent

    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return self.path.exists()

    def read(self) -> Any:
        """Return what the file holds; raises OSError, and ValueError for what is no JSON."""
        return read_json(self.path)

    def differences(self, stored: Facts) -> list[Difference]:
        """Return what differs between the conditions of a file and this run's."""
        if stored == self.conditions:
            return []
        theirs, ours = _flat(stored), _flat(self.conditions)
        return [
            Difference(name, theirs.get(name), ours.get(name))
            for name in theirs | ours
            if theirs.get(name) != ours.get(name)
        ]

    def write(self, content: Facts) -> None:
        """Put the content in the place of what is there, all of it or nothing; raises OSError."""
        write_json(self.path, content, indent=self._indent)

    def remove(self) -> None:
        """The run is over: nothing is left to go on from."""
        self.path.unlink(missing_ok=True)


def run_missing(
    path: Path,
    header: Facts,
    todo: Iterable[_Case],
    measure: Callable[[_Case], Facts],
    say: Callable[[Facts], str],
) -> list[Facts]:
    """Measure what `path` does not hold yet, writing it anew after each; return all results.

    header: what the results depend on. todo: dataclasses of plain values, which say which result is
    which. measure: gives a case's facts, or `error` with why there are none, which is tried again
    the next time. say: puts a result in words, for the terminal.

    Raises ArtefactError if the file's results are of other versions, settings or another machine.
    """
    file = ResumeFile(path, {name: header[name] for name in _FIXED})
    results, header = _stored(file, header)
    missing = [case for case in todo if not any(_is_of(result, case) for result in results)]
    started = time.monotonic()
    for number, case in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {case}", flush=True)
        result = asdict(case) | measure(case)
        results.append(result)
        file.write(header | {"results": results})
        left = (time.monotonic() - started) / number * (len(missing) - number)
        said = result.get("error") or say(result)
        print(f"    {said}; about {left / 60:.0f} min left", flush=True)
    return results


def _is_of(result: Facts, case: "DataclassInstance") -> bool:
    return all(result.get(name) == value for name, value in asdict(case).items())


def _stored(file: ResumeFile, header: Facts) -> tuple[list[Facts], Facts]:
    """The good results of the file, and the header as it is to be written again."""
    if not file.exists():
        return [], header
    stored = file.read()
    if found := file.differences({name: stored[name] for name in _FIXED}):
        name = found[0].name.partition(".")[0]
        raise ArtefactError(
            f"{file.path} holds results of other {name}, {stored[name]}, not {header[name]}: "
            "remove it or name another file"
        )
    kept = {name: value for name, value in stored.items() if name != "results"}
    return [result for result in stored["results"] if "error" not in result], header | kept


def _flat(facts: Facts, prefix: str = "") -> Facts:
    """Nested names joined by dots."""
    flat = {}
    for name, value in facts.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
