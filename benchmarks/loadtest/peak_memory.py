"""The most memory that a process held during a step, looked at ten times a second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_EVERY = 0.1  # second


@dataclass
class Peak:
    """size: bytes; None if it was never seen."""

    size: int | None = None


@asynccontextmanager
async def watched(resident: Callable[[], int] | None) -> AsyncIterator[Peak]:
    """Watch for the block. resident: returns the bytes held now; None: there is none to ask."""
    peak = Peak()
    if resident is None:
        yield peak
        return
    watch = asyncio.create_task(_watch(resident, peak))
    try:
        yield peak
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(resident: Callable[[], int], peak: Peak) -> None:
    while True:
        try:
            size = resident()
        except (OSError, ValueError):
            return  # the process has ended; that its requests failed is said elsewhere
        peak.size = max(peak.size or 0, size)
        await asyncio.sleep(_EVERY)
