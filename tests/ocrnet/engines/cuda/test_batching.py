"""Calls that wait are joined; each gets its own answer or its own error."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.engines import BatchingEngine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.in_process import worker_threads
from ocrnet.errors import DeviceLost, EngineError, EngineUnavailable, OutOfMemory
from ocrnet.zoo import Size, get_spec
from tests.patience import patience

SPEC = get_spec("demo")
SIZE = Size(4, 6)


class Colours:
    """A graph whose logits are the images; `open` lets its runs begin."""

    outputs = frozenset({"logits", "labels"})

    def __init__(self) -> None:
        self.runs: list[tuple[int, OutputName]] = []
        self.begun, self.open = threading.Event(), threading.Event()
        self.fails: Callable[[Images], Exception | None] = lambda images: None

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.runs.append((len(images), output))
        self.begun.set()
        assert self.open.wait(patience(10))
        error = self.fails(images)
        if error is not None:
            raise error
        return images.copy()


def images(value: int, number: int = 1, size: Size = SIZE) -> Images:
    return np.full((number, size.height, size.width, 3), value, np.uint8)


@pytest.fixture
def graph() -> Colours:
    return Colours()


@pytest.fixture
def engine(graph: Colours) -> Iterator[BatchingEngine]:
    graphs = {None: graph, SIZE: graph}
    engine = BatchingEngine(SPEC, graphs, {SIZE: 4}, worker_threads(SPEC, 1))
    yield engine
    graph.open.set()
    asyncio.run(engine.close())


async def _first_runs(engine: BatchingEngine, graph: Colours) -> asyncio.Task[NDArray[np.generic]]:
    """One call that runs and does not end before `graph.open` is set."""
    task = asyncio.create_task(engine.infer(images(0), "logits"))
    while not graph.begun.is_set():
        await asyncio.sleep(0.001)
    return task


async def _waiting(
    engine: BatchingEngine, *calls: tuple[Images, OutputName]
) -> list[asyncio.Task[NDArray[np.generic]]]:
    tasks = [asyncio.create_task(engine.infer(*call)) for call in calls]
    await asyncio.sleep(0)
    return tasks


def test_calls_that_wait_run_together_and_each_gets_its_own_answer(
    engine: BatchingEngine, graph: Colours
) -> None:
    async def ten_callers() -> list[NDArray[np.generic]]:
        first = await _first_runs(engine, graph)
        others = await _waiting(engine, *((images(k), "logits") for k in range(1, 10)))
        graph.open.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(ten_callers())
    for value, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, images(value))
    assert graph.runs == [(1, "logits"), (4, "logits"), (4, "logits"), (1, "logits")]


def test_only_calls_that_fill_a_batch_of_one_fixed_size_and_output_are_joined(
    engine: BatchingEngine, graph: Colours
) -> None:
    any_size = Size(8, 8)
    calls: list[tuple[Images, OutputName]] = [
        (images(1), "logits"), (images(2), "labels"), (images(3, 2), "logits"),
        (images(4, size=any_size), "logits"), (images(5, size=any_size), "logits"),
        (images(6, 2), "logits"), (images(7), "labels"), (images(8, 5), "logits"),
    ]  # fmt: skip

    async def all_of_them() -> list[NDArray[np.generic]]:
        first = await _first_runs(engine, graph)
        others = await _waiting(engine, *calls)
        graph.open.set()
        await first
        return await asyncio.gather(*others)

    for (given, _), answer in zip(calls, asyncio.run(all_of_them()), strict=True):
        np.testing.assert_array_equal(answer, given)
    assert graph.runs[1:] == [
        (1, "logits"), (1, "labels"), (4, "logits"), (1, "logits"), (1, "logits"), (1, "labels"),
        (5, "logits"),
    ]  # fmt: skip


def test_calls_cancelled_while_they_wait_are_left_out_of_the_batch(
    engine: BatchingEngine, graph: Colours
) -> None:
    async def cancel_two() -> list[object]:
        first = await _first_runs(engine, graph)
        others = await _waiting(engine, *((images(k), "logits") for k in range(6)))
        others[0].cancel()
        others[3].cancel()
        await asyncio.sleep(0)
        graph.open.set()
        await first
        return list(await asyncio.gather(*others, return_exceptions=True))

    answers = asyncio.run(cancel_two())
    for value, answer in enumerate(answers):
        if value in (0, 3):
            assert isinstance(answer, asyncio.CancelledError)
        else:
            np.testing.assert_array_equal(answer, images(value))
    assert graph.runs[1:] == [(4, "logits")]


@pytest.mark.parametrize("kind", [EngineError, OutOfMemory])
def test_what_fails_together_runs_one_by_one(
    kind: type[EngineError], engine: BatchingEngine, graph: Colours
) -> None:
    """A batch that is too large, or one bad call in it, costs no other call its answer."""
    graph.fails = lambda given: kind("too much") if len(given) > 1 or given.max() == 2 else None

    async def four() -> list[object]:
        first = await _first_runs(engine, graph)
        others = await _waiting(engine, *((images(k), "logits") for k in (1, 2, 3, 4)))
        graph.open.set()
        await first
        return list(await asyncio.gather(*others, return_exceptions=True))

    answers = asyncio.run(four())
    assert isinstance(answers.pop(1), kind)
    for value, answer in zip((1, 3, 4), answers, strict=True):
        np.testing.assert_array_equal(answer, images(value))
    assert [number for number, _ in graph.runs[1:]] == [4, 1, 1, 1, 1]


def test_after_the_device_is_lost_every_call_fails_at_once(
    engine: BatchingEngine, graph: Colours
) -> None:
    graph.fails = lambda given: DeviceLost("GPU 0 stopped working") if given.max() else None

    async def lose_it() -> list[object]:
        first = await _first_runs(engine, graph)
        assert not engine.lost
        others = await _waiting(engine, *((images(k), "logits") for k in (1, 2)))
        others += await _waiting(engine, (images(3), "labels"))
        graph.open.set()
        await first
        return list(await asyncio.gather(*others, return_exceptions=True))

    assert [type(error) for error in asyncio.run(lose_it())] == [DeviceLost] * 3
    assert engine.lost
    runs = len(graph.runs)
    with pytest.raises(EngineUnavailable, match="GPU 0 stopped working"):
        asyncio.run(engine.infer(images(0), "logits"))
    assert len(graph.runs) == runs


def test_closing_waits_for_every_call(engine: BatchingEngine, graph: Colours) -> None:
    async def close_at_once() -> list[NDArray[np.generic]]:
        first = await _first_runs(engine, graph)
        others = await _waiting(engine, *((images(k), "logits") for k in (1, 2)))
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        graph.open.set()
        await closing
        return await asyncio.gather(first, *others)

    for value, answer in enumerate(asyncio.run(close_at_once())):
        np.testing.assert_array_equal(answer, images(value))
