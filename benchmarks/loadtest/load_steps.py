"""The whole measurement: first answers, capacity, and one step after the other."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from benchmarks.loadtest.arrivals import Schedule, Spacing, make_schedule
from benchmarks.loadtest.capacity import Capacity, first_answers, measure_capacity
from benchmarks.loadtest.client import Sample, Target, connections, send_openly
from benchmarks.loadtest.gateway_state import GatewayState, read_state, wait_until_idle
from benchmarks.loadtest.mixes import Mix, RequestKind
from benchmarks.loadtest.peak_memory import watched
from benchmarks.loadtest.summary import Summary, summarise

_SLACK = 10.0  # seconds that work may go on after its client has given up


@dataclass(frozen=True)
class Plan:
    """What is measured. Times are in seconds; steps are multiples of the capacity.

    capacity: requests per second; None: it is measured for `probe_seconds` with `clients`.
    """

    mix: Mix
    steps: tuple[float, ...]
    seconds: float
    most_requests: int
    most_connections: int
    timeout: float
    deadline: float
    total_seconds: float
    capacity: float | None
    clients: int
    probe_seconds: float
    spacing: Spacing
    seed: int


@dataclass(frozen=True)
class Step:
    """One step, done. peak: bytes; batches: Triton's runs and pictures; None: not to be seen."""

    multiple: float
    samples: list[Sample]
    summary: Summary
    peak: int | None
    batches: tuple[int, int] | None

    @property
    def mean_batch(self) -> float | None:
        """Pictures in a run of Triton; None without a run."""
        return self.batches[1] / self.batches[0] if self.batches and self.batches[0] else None


@dataclass
class Results:
    """What is done so far; whoever interrupts the measurement still has it.

    left_out: why steps are missing.
    """

    capacity: Capacity | None = None
    steps: list[Step] = field(default_factory=list)
    left_out: str = ""


async def measure(
    url: str,
    plan: Plan,
    results: Results,
    *,
    resident: Callable[[], int] | None = None,
    on_capacity: Callable[[Capacity], None],
    on_step: Callable[[Step], None],
) -> None:
    """Measure a running gateway. resident: bytes that its process holds now, if it is ours.

    Raises OcrnetError if the gateway cannot be measured, or not any longer.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + plan.total_seconds
    async with connections(url) as client:
        await read_state(client)  # that it is a gateway is known before a picture is sent
        targets = await first_answers(client, plan.mix, plan.timeout)
        results.capacity = await _capacity(client, plan, targets)
        on_capacity(results.capacity)
        before = await wait_until_idle(client, plan.timeout + _SLACK)
        for number, multiple in enumerate(plan.steps):
            schedule = make_schedule(
                multiple * results.capacity.per_second,
                plan.seconds,
                plan.most_requests,
                plan.mix,
                plan.spacing,
                f"{plan.seed}, step {number}",
            )
            longest = schedule.seconds + plan.timeout + _SLACK
            if loop.time() + longest > end:
                rest = ", ".join(f"{one:g}×" for one in plan.steps[number:])
                results.left_out = (
                    f"not measured: {rest}. A step may take {longest:.0f} s, and of "
                    f"--total-seconds {max(0.0, end - loop.time()):.0f} are left"
                )
                return
            step, before = await _step(client, plan, targets, multiple, schedule, before, resident)
            results.steps.append(step)
            on_step(step)


async def _capacity(
    client: httpx2.AsyncClient, plan: Plan, targets: dict[RequestKind, Target]
) -> Capacity:
    if plan.capacity is not None:
        return Capacity(plan.capacity)
    return await measure_capacity(
        client,
        targets,
        plan.mix,
        clients=plan.clients,
        seconds=plan.probe_seconds,
        timeout=plan.timeout,
    )


async def _step(
    client: httpx2.AsyncClient,
    plan: Plan,
    targets: dict[RequestKind, Target],
    multiple: float,
    schedule: Schedule,
    before: GatewayState,
    resident: Callable[[], int] | None,
) -> tuple[Step, GatewayState]:
    async with watched(resident) as peak:
        samples = await send_openly(
            client, targets, schedule.arrivals, timeout=plan.timeout, most=plan.most_connections
        )
    after = await wait_until_idle(client, plan.timeout + _SLACK)
    batches = None
    if before.batches is not None and after.batches is not None:
        batches = (after.batches[0] - before.batches[0], after.batches[1] - before.batches[1])
    summary = summarise(samples, schedule.seconds, plan.deadline)
    return Step(multiple, samples, summary, peak.size, batches), after
