"""The gateway's side, the steps, and that every bound is kept."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from benchmarks.loadtest.client import connections
from benchmarks.loadtest.gateway_state import GatewayState, read_state, wait_until_idle
from benchmarks.loadtest.load_steps import Plan, Results, Step, measure
from benchmarks.loadtest.mixes import parse_mix
from benchmarks.loadtest.peak_memory import watched
from ocrnet.errors import OcrnetError
from tests.benchmarks.loadtest.load_stub import IDLE, OVERLOADED, Answer, always, serving
from tests.patience import patience

MASK = b"a mask"
TRITON = """{held}# TYPE ocrnet_triton_reachable gauge
ocrnet_triton_reachable 1.0
# TYPE ocrnet_triton_batch_size histogram
ocrnet_triton_batch_size_bucket{{graph="demo_window",le="+Inf"}} {runs}.0
ocrnet_triton_batch_size_count{{graph="demo_window"}} {runs}.0
ocrnet_triton_batch_size_sum{{graph="demo_window"}} {pictures}.0
ocrnet_triton_batch_size_count{{graph="demo_whole"}} 1.0
ocrnet_triton_batch_size_sum{{graph="demo_whole"}} 1.0
"""


def _plan(**changed: Any) -> Plan:
    plan: dict[str, Any] = {
        "mix": parse_mix("32x32:slide=1"),
        "steps": (0.5, 1),
        "seconds": 0.4,
        "most_requests": 2000,
        "most_connections": 100,
        "timeout": patience(1),
        "deadline": patience(1),
        "total_seconds": patience(60),
        "capacity": 20,
        "clients": 2,
        "probe_seconds": 0.2,
        "spacing": "even",
        "seed": 0,
    }
    return Plan(**(plan | changed))


def _measure(url: str, plan: Plan, resident: Callable[[], int] | None = None) -> Results:
    results = Results()
    said: list[Step] = []
    asyncio.run(
        measure(
            url, plan, results, resident=resident, on_capacity=lambda _: None, on_step=said.append
        )
    )
    assert said == results.steps
    return results


def _state(url: str) -> GatewayState:
    async def run() -> GatewayState:
        async with connections(url) as client:
            return await read_state(client)

    return asyncio.run(run())


def test_a_real_gateway_is_idle_and_has_no_batches_of_its_own(
    gateway: Callable[..., httpx2.Client],
) -> None:
    assert _state(str(gateway().base_url)) == GatewayState(held=0, batches=None)


def test_held_requests_and_triton_s_batches_are_summed_over_stages_and_graphs() -> None:
    held = IDLE.replace("0.0", "3.0") + IDLE.replace("in work", "arriving").replace("0.0", "2.0")
    text = TRITON.format(held=held, runs=4, pictures=10)
    with serving(always(200, MASK), lambda: text) as stub:
        assert _state(stub.url) == GatewayState(held=5, batches=(5, 11))


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("up 1\n", "no gateway of ours"),
        ("ocrnet_requests_held{", "not in Prometheus' format"),
    ],
)
def test_another_server_is_not_measured(metrics: str, said: str) -> None:
    with (
        serving(always(200, MASK), lambda: metrics) as stub,
        pytest.raises(OcrnetError, match=said),
    ):
        _measure(stub.url, _plan())
    assert not stub.headers, "no picture was sent"


def test_a_gateway_that_does_not_come_to_rest_is_said() -> None:
    async def run(url: str) -> None:
        async with connections(url) as client:
            await wait_until_idle(client, 0.3)

    with (
        serving(always(200, MASK), lambda: IDLE.replace("0.0", "2.0")) as stub,
        pytest.raises(OcrnetError, match=r"held 2 requests 0\.3 s after the last answer"),
    ):
        asyncio.run(run(stub.url))


def test_steps_have_their_counts_whatever_is_answered() -> None:
    async def every_other(number: int) -> Answer:
        return OVERLOADED if number % 2 else (200, MASK)

    with serving(every_other) as stub:
        results = _measure(stub.url, _plan(), resident=lambda: 123)
    assert [step.multiple for step in results.steps] == [0.5, 1]
    assert [step.summary.requests for step in results.steps] == [4, 8]
    assert [step.summary.refused for step in results.steps] == [2, 4]
    assert [step.peak for step in results.steps] == [123, 123]
    assert [step.mean_batch for step in results.steps] == [None, None]
    assert len(stub.headers) == 1 + 4 + 8
    assert not results.left_out


def test_the_bound_on_a_step_s_count_holds() -> None:
    with serving(always(200, MASK)) as stub:
        results = _measure(stub.url, _plan(steps=(1, 50), most_requests=5))
    assert [step.summary.requests for step in results.steps] == [5, 5]
    assert [step.summary.offered for step in results.steps] == pytest.approx([20, 1000])
    assert len(stub.headers) == 1 + 5 + 5


def test_no_step_begins_that_might_pass_the_bound_on_all() -> None:
    slack = 10
    plan = _plan(steps=(1, 2), total_seconds=patience(1) + slack)
    longest = plan.seconds + plan.timeout + slack
    with serving(always(200, MASK)) as stub:
        results = _measure(stub.url, plan)
    assert not results.steps
    said = f"not measured: 1×, 2×. A step may take {longest:.0f} s, and of"
    assert results.left_out.startswith(said)
    assert len(stub.headers) == 1


def test_capacity_is_measured_unless_it_is_stated() -> None:
    with serving(always(200, MASK, seconds=0.05)) as stub:
        results = _measure(stub.url, _plan(capacity=None, steps=(0.5,)))
    assert results.capacity is not None
    assert results.capacity.clients == 2
    assert results.capacity.requests >= 2


@pytest.mark.slow
def test_a_step_s_batches_are_those_of_its_own() -> None:
    counts: Iterator[tuple[int, int]] = iter([(9, 9), (10, 10), (10, 10), (12, 20), (14, 30)])

    def metrics() -> str:
        runs, pictures = next(counts)
        return TRITON.format(held=IDLE, runs=runs, pictures=pictures)

    with serving(always(200, MASK), metrics) as stub:
        (step,) = _measure(stub.url, _plan(steps=(1,))).steps
    assert step.batches == (4, 20)
    assert step.mean_batch == 5


def test_memory_is_the_most_that_was_seen_until_the_process_ends() -> None:
    sizes = iter([5, 9, 7])
    ended = asyncio.Event()

    def resident() -> int:
        try:
            return next(sizes)
        except StopIteration:
            ended.set()
            raise ProcessLookupError from None

    async def run() -> int | None:
        async with watched(resident) as peak:
            await ended.wait()
        return peak.size

    assert asyncio.run(run()) == 9
