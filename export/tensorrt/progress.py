"""TensorRT's own progress shown as bars, one per phase under way."""

import contextlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tqdm import tqdm


def progress_monitor(trt: ModuleType) -> Any:
    """Return an IProgressMonitor that draws on standard error, for as long as that can be written.

    An exception in one of its methods would end the build.
    """

    class Bars(trt.IProgressMonitor):  # type: ignore[misc, name-defined]
        """Phases nest; each has steps of its own."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._bars: dict[str, tqdm[Any]] = {}
            self._seen = sys.stderr is not None  # a process may have none

        @contextlib.contextmanager
        def _drawing(self) -> Iterator[None]:
            try:
                yield
            # A closed terminal, a full disk behind it, a phase that its encoding cannot show.
            except (OSError, ValueError):
                self._seen = False
                self._bars.clear()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Called by TensorRT."""
            if self._seen:
                with self._drawing():
                    self._bars[phase_name] = tqdm(
                        total=num_steps, desc=phase_name, position=len(self._bars), leave=False
                    )

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Called by TensorRT; True: go on."""
            bar = self._bars.get(phase_name)
            if bar is not None:
                with self._drawing():
                    bar.update(step + 1 - bar.n)
            return True

        def phase_finish(self, phase_name: str) -> None:
            """Called by TensorRT."""
            bar = self._bars.pop(phase_name, None)
            if bar is not None:
                with self._drawing():
                    bar.close()

    return Bars()
