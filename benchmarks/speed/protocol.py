"""How a measurement runs: warm-up, then single calls until there are enough or time is up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Protocol:
    """mmsegmentation's by default: 5 calls of warm-up, 200 that count.

    seconds: after so many no call begins any more; None: no bound. A warm-up that takes longer than
    a quarter of them ends early, too, after its first call.
    """

    warmup: int = 5
    images: int = 200
    seconds: float | None = None


@dataclass(frozen=True)
class Samples:
    """seconds: of each call, in the order in which they ended; wall: from first to last."""

    seconds: list[float]
    wall: float
    warmup: int


async def take_samples(call: Call, protocol: Protocol, concurrency: int = 1) -> Samples:
    """Call until the protocol is fulfilled, with so many calls under way at once."""
    started = time.perf_counter()
    warm = 0
    while warm < protocol.warmup:
        await asyncio.gather(*(call() for _ in range(concurrency)))
        warm += 1
        if protocol.seconds and time.perf_counter() - started > protocol.seconds / 4:
            break
    seconds: list[float] = []
    begun = 0
    first = time.perf_counter()

    async def work() -> None:
        nonlocal begun
        while begun < protocol.images:
            if protocol.seconds and begun and time.perf_counter() - first > protocol.seconds:
                return
            begun += 1
            start = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - start)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return Samples(seconds, time.perf_counter() - first, warm)
