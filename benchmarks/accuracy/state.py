"""How far a run is: the counts so far, in a file that an interrupted run goes on from."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocrnet.errors import InputError

_FORMAT = "ocrnet miou state 1"


@dataclass(frozen=True)
class Progress:
    """done: so many pictures are counted, the first ones. counts: int64 (classes, classes).

    Counts of truth (rows) and prediction (columns), in pixels. Both change in one step, so whenever
    a run is interrupted they belong together.
    """

    done: int
    counts: NDArray[np.int64]

    def plus(self, counts: NDArray[np.int64]) -> "Progress":
        """One more picture, with these counts."""
        return Progress(self.done + 1, self.counts + counts)


def start(classes: int) -> Progress:
    """Nothing is counted yet."""
    return Progress(0, np.zeros((classes, classes), np.int64))


class StateFile:
    """One run's progress on disk."""

    def __init__(self, path: Path, run: dict[str, Any], classes: int, pictures: int):
        """run: all that determines the counts, of types that JSON has."""
        self._path = path
        self._run = json.loads(json.dumps(run))  # as it will be read again: tuples are lists
        self._classes = classes
        self._pictures = pictures

    def load(self) -> Progress:
        """Return what the file holds; without a file, the start.

        Raises InputError for a file of another run, which names what differs, and for one that is
        no such file at all.
        """
        if not self._path.exists():
            return start(self._classes)
        stored = self._read()
        if stored["run"] != self._run:
            theirs, ours = _flat(stored["run"]), _flat(self._run)
            differing = [name for name in theirs | ours if theirs.get(name) != ours.get(name)]
            listed = "; ".join(
                f"{name} was {theirs.get(name)!r}, now {ours.get(name)!r}" for name in differing
            )
            raise InputError(
                f"{self._path} is the state of another run: {listed}. Remove it, or name another "
                "file with --state"
            )
        rows = stored["confusion"]
        if len(rows) != self._classes or stored["done"] > self._pictures:
            raise self._no_state()
        return Progress(stored["done"], np.array(rows, np.int64))

    def save(self, progress: Progress) -> None:
        """Put the progress in the place of what is there, all of it or nothing; raises OSError."""
        content = {
            "format": _FORMAT,
            "run": self._run,
            "done": progress.done,
            "confusion": progress.counts.tolist(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        part.write_text(json.dumps(content) + "\n", encoding="utf-8")
        part.replace(self._path)

    def remove(self) -> None:
        """The run is over: nothing is left to go on from."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError:  # neither text nor JSON
            stored = None
        if not _is_state(stored):
            raise self._no_state()
        found: dict[str, Any] = stored
        return found

    def _no_state(self) -> InputError:
        return InputError(
            f"{self._path} is no state of this command: name another file with --state"
        )


def _is_state(stored: Any) -> bool:
    if not isinstance(stored, dict) or stored.get("format") != _FORMAT:
        return False
    run, done, rows = (stored.get(name) for name in ("run", "done", "confusion"))
    return (
        isinstance(run, dict)
        and isinstance(done, int)
        and done >= 0
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(rows) for row in rows)
        and all(isinstance(count, int) for row in rows for count in row)
    )


def _flat(facts: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names joined by dots."""
    flat = {}
    for name, value in facts.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
