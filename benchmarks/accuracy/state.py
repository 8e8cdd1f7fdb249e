"""How far a run is: the counts so far, in a file that an interrupted run goes on from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib.resume import Facts, ResumeFile
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

    def __init__(self, path: Path, run: Facts, classes: int, pictures: int):
        """run: all that determines the counts, of types that JSON has."""
        self._file = ResumeFile(path, run, indent=None)
        self._classes = classes
        self._pictures = pictures

    def load(self) -> Progress:
        """Return what the file holds; without a file, the start.

        Raises InputError for a file of another run, which names what differs, and for one that is
        no such file at all.
        """
        if not self._file.exists():
            return start(self._classes)
        try:
            stored = self._file.read()
        except ValueError as error:  # neither text nor JSON
            raise self._no_state() from error
        if not _is_state(stored):
            raise self._no_state()
        if found := self._file.differences(stored["run"]):
            listed = "; ".join(f"{one.name} was {one.stored!r}, now {one.now!r}" for one in found)
            raise InputError(
                f"{self._file.path} is the state of another run: {listed}. Remove it, or name "
                "another file with --state"
            )
        rows = stored["confusion"]
        if len(rows) != self._classes or stored["done"] > self._pictures:
            raise self._no_state()
        return Progress(stored["done"], np.array(rows, np.int64))

    def save(self, progress: Progress) -> None:
        """Put the progress in the place of what is there, all of it or nothing; raises OSError."""
        self._file.write(
            {
                "format": _FORMAT,
                "run": self._file.conditions,
                "done": progress.done,
                "confusion": progress.counts.tolist(),
            }
        )

    def remove(self) -> None:
        """The run is over: nothing is left to go on from."""
        self._file.remove()

    def _no_state(self) -> InputError:
        return InputError(
            f"{self._file.path} is no state of this command: name another file with --state"
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
