"""The client: every request leaves at its intended time, whatever became of the others."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from benchmarks.loadtest.arrivals import Arrival
from benchmarks.loadtest.mixes import RequestKind

OK, WRONG_MASK = "ok", "wrong_mask"
TIMEOUT, CONNECTION, NOT_SENT = "timeout", "connection", "not_sent"
# The gateway is told the client's deadline; its own answer to that (504) is to be seen.
_GRACE = 1.0  # second
_PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Target:
    """A kind of request, its picture, and the SHA-256 of its right answer in hexadecimal."""

    kind: RequestKind
    picture: bytes
    digest: str


@dataclass(frozen=True)
class Sample:
    """What became of one request; times are seconds after the step's start.

    sent: when its connection began to open; done: when its answer was read, or given up. None if
    that never happened. code: `ok`, `wrong_mask`, a problem document's code, `http_STATUS`
    without one, `timeout`, `connection` (refused, reset or cut off), `not_sent` (it would have
    been one connection too many, or the client was later than the timeout).
    """

    kind: str
    intended: float
    sent: float | None
    done: float | None
    status: int | None
    code: str

    @property
    def latency(self) -> float | None:
        """Seconds from the intended send time to the answer."""
        return None if self.done is None else self.done - self.intended

    @property
    def late(self) -> float | None:
        """Seconds by which the client itself was late."""
        return None if self.sent is None else self.sent - self.intended


@asynccontextmanager
async def connections(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client whose every request has a connection of its own, as independent users have.

    It has no limit and no timeout: who uses it has. No proxy of the environment is used, so what
    is sent to loopback stays there.
    """
    async with httpx2.AsyncClient(
        base_url=url,
        headers={"Connection": "close"},
        timeout=None,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        trust_env=False,
    ) as client:
        yield client


async def ask(
    client: httpx2.AsyncClient, target: Target, timeout: float, started: float, intended: float
) -> Sample:
    """Send one request now and wait for its answer, until `timeout` after its intended time.

    started: the event loop's time from which intended, in seconds, and the sample's times count.
    """
    loop = asyncio.get_running_loop()
    sent: float | None = None
    name = str(target.kind)

    async def trace(event: str, _: object) -> None:
        nonlocal sent
        if event == "connection.connect_tcp.started":
            sent = loop.time() - started

    remaining = started + intended + timeout - loop.time()
    if remaining < 0.001:  # what the header can say
        return Sample(name, intended, None, None, None, NOT_SENT)
    try:
        async with asyncio.timeout(remaining + _GRACE):
            answer = await client.post(
                "/segment",
                params=target.kind.query,
                content=target.picture,
                headers={"Content-Type": "image/png", "X-Request-Timeout": f"{remaining:.3f}"},
                extensions={"trace": trace},
            )
    except TimeoutError:
        return Sample(name, intended, sent, loop.time() - started, None, TIMEOUT)
    except httpx2.RequestError:
        return Sample(name, intended, sent, loop.time() - started, None, CONNECTION)
    done = loop.time() - started
    return Sample(name, intended, sent, done, answer.status_code, _code(answer, target))


async def send_openly(
    client: httpx2.AsyncClient,
    targets: dict[RequestKind, Target],
    arrivals: Iterable[Arrival],
    *,
    timeout: float,
    most: int,
) -> list[Sample]:
    """Send each request at its time and return what became of each, in their order.

    timeout: of each, in seconds from its intended time. most: how many may be under way; one
    more is not sent, and not later either.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcomes: list[asyncio.Task[Sample] | Sample] = []
    under_way: set[asyncio.Task[Sample]] = set()
    async with asyncio.TaskGroup() as group:
        for arrival in arrivals:
            # Never without a pause, however late: those before it must get away.
            await asyncio.sleep(max(0.0, started + arrival.at - loop.time()))
            if len(under_way) >= most:
                outcomes.append(Sample(str(arrival.kind), arrival.at, None, None, None, NOT_SENT))
                continue
            target = targets[arrival.kind]
            task = group.create_task(ask(client, target, timeout, started, arrival.at))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            outcomes.append(task)
    return [one if isinstance(one, Sample) else one.result() for one in outcomes]


def _code(answer: httpx2.Response, target: Target) -> str:
    if answer.status_code == httpx2.codes.OK:
        same = hashlib.sha256(answer.content).hexdigest() == target.digest
        return OK if same else WRONG_MASK
    if answer.headers.get("content-type", "").startswith(_PROBLEM):
        try:
            code = answer.json()["code"]
        except (ValueError, KeyError, TypeError):  # no JSON, or not of our gateway
            code = None
        if isinstance(code, str):
            return code
    return f"http_{answer.status_code}"
