"""TensorRT's own progress shown as bars, one per phase under way."""

from types import ModuleType
from typing import Any

from tqdm import tqdm


def progress_monitor(trt: ModuleType) -> Any:
    """Return an IProgressMonitor that draws on standard error."""

    class Bars(trt.IProgressMonitor):  # type: ignore[misc, name-defined]
        """Phases nest; each has steps of its own."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._bars: dict[str, tqdm[Any]] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """Called by TensorRT."""
            self._bars[phase_name] = tqdm(
                total=num_steps, desc=phase_name, position=len(self._bars), leave=False
            )

        def step_complete(self, phase_name: str, step: int) -> bool:
            """Called by TensorRT; True: go on."""
            bar = self._bars.get(phase_name)
            if bar is not None:
                bar.update(step + 1 - bar.n)
            return True

        def phase_finish(self, phase_name: str) -> None:
            """Called by TensorRT."""
            bar = self._bars.pop(phase_name, None)
            if bar is not None:
                bar.close()

    return Bars()
