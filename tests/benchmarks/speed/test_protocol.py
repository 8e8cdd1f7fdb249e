"""When a measurement ends, and what is timed."""

import asyncio

from benchmarks.speed.protocol import Protocol, take_samples


def test_so_many_calls_count_after_the_warm_up() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1

    samples = asyncio.run(take_samples(call, Protocol(5, 20)))
    assert calls == 25
    assert samples.warmup == 5
    assert len(samples.seconds) == 20
    assert sum(samples.seconds) <= samples.wall


def test_after_the_time_no_call_begins_but_one_always_counts() -> None:
    async def call() -> None:
        await asyncio.sleep(0.05)

    bounded = asyncio.run(take_samples(call, Protocol(5, 10_000, 0.2)))
    assert bounded.warmup < 5
    assert 1 <= len(bounded.seconds) <= 5
    assert min(bounded.seconds) >= 0.05
    slow = asyncio.run(take_samples(call, Protocol(5, 10_000, 0.001)))
    assert (slow.warmup, len(slow.seconds)) == (1, 1)


def test_calls_at_once_are_as_many_as_asked_for() -> None:
    under_way = most = 0

    async def call() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    samples = asyncio.run(take_samples(call, Protocol(1, 12), concurrency=4))
    assert most == 4
    assert len(samples.seconds) == 12
    assert sum(samples.seconds) > samples.wall
