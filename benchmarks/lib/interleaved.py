"""What is compared takes turns, so that whatever else the machine does falls on all alike."""

import time
from collections.abc import Callable

from tqdm import tqdm

Run = Callable[[], object]


def in_turns(runs: dict[str, Run], turns: int) -> dict[str, list[float]]:
    """Run all once each turn; return the seconds of each by name. The first turn is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in tqdm(range(turns + 1), unit="turn"):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds
