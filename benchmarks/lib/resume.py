"""Long runs of many measurements that go on where they were stopped."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.lib.pages import write_json
from ocrnet.errors import ArtefactError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Facts = dict[str, Any]
_Case = TypeVar("_Case", bound="DataclassInstance")

# A result is only good beside others of the same.
_FIXED = ("machine", "versions", "settings")


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
    results, header = _stored(path, header)
    missing = [case for case in todo if not any(_is_of(result, case) for result in results)]
    started = time.monotonic()
    for number, case in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {case}", flush=True)
        result = asdict(case) | measure(case)
        results.append(result)
        write_json(path, header | {"results": results})
        left = (time.monotonic() - started) / number * (len(missing) - number)
        said = result.get("error") or say(result)
        print(f"    {said}; about {left / 60:.0f} min left", flush=True)
    return results


def _is_of(result: Facts, case: "DataclassInstance") -> bool:
    return all(result.get(name) == value for name, value in asdict(case).items())


def _stored(path: Path, header: Facts) -> tuple[list[Facts], Facts]:
    """The good results of the file, and the header as it is to be written again."""
    if not path.exists():
        return [], header
    stored = json.loads(path.read_text(encoding="utf-8"))
    for name in _FIXED:
        if stored[name] != header[name]:
            raise ArtefactError(
                f"{path} holds results of other {name}, {stored[name]}, not {header[name]}: "
                "remove it or name another file"
            )
    kept = {name: value for name, value in stored.items() if name != "results"}
    return [result for result in stored["results"] if "error" not in result], header | kept
