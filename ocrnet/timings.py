"""How long each stage of a request took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Timings:
    """Seconds spent per stage, by name, in the order of first use.

    A stage within another one counts for itself alone, so the sum is the time that passed.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _inside: list[float] = field(default_factory=list)  # per open stage, what inner ones took

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage. Blocks nest; they do not overlap otherwise."""
        start = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            own = elapsed - self._inside.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + own
            if self._inside:
                self._inside[-1] += elapsed
