"""The client sends on time whatever the server does, and says what became of each request."""

import asyncio
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest

from benchmarks.loadtest.arrivals import Arrival
from benchmarks.loadtest.capacity import Capacity, first_answers, measure_capacity
from benchmarks.loadtest.client import Sample, Target, connections, send_openly
from benchmarks.loadtest.mixes import RequestKind
from ocrnet.errors import OcrnetError
from ocrnet.zoo import Size
from tests.benchmarks.loadtest.load_stub import OVERLOADED, Answer, always, serving
from tests.patience import ever_longer, patience

KIND = RequestKind(Size(32, 32), "slide")
MASK = b"a mask"
TARGETS = {KIND: Target(KIND, b"a picture", hashlib.sha256(MASK).hexdigest())}


def _send(
    url: str,
    times: Sequence[float],
    *,
    timeout: float = patience(2),
    most: int = 100,
    block: float = 0,
    once_all_are_seen: Callable[[], None] = lambda: None,
) -> list[Sample]:
    def arrivals() -> Iterator[Arrival]:
        yield from (Arrival(at, KIND) for at in times)
        once_all_are_seen()

    async def run() -> list[Sample]:
        async with connections(url) as client:
            if block:  # as a client does that has too much to do
                asyncio.get_running_loop().call_later(0.02, time.sleep, block)
            return await send_openly(client, TARGETS, arrivals(), timeout=timeout, most=most)

    return asyncio.run(run())


@pytest.mark.slow
def test_a_slow_server_delays_answers_but_no_request() -> None:
    turn = asyncio.Lock()

    async def one_at_a_time(_: int) -> Answer:
        """The first one once the last one is there."""
        async with turn:
            while len(stub.headers) < 4:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)
        return 200, MASK

    times = [0.0, 0.02, 0.05, 0.1]
    with serving(one_at_a_time) as stub:
        samples = _send(stub.url, times)
    assert [sample.code for sample in samples] == ["ok"] * 4
    assert [sample.intended for sample in samples] == times
    sent = [sample.sent for sample in samples if sample.sent is not None]
    done = [sample.done for sample in samples if sample.done is not None]
    assert len(sent) == len(done) == 4
    assert max(sent) < min(done), "a request waited for another's answer"
    # The server had all four at once and works at one after the other.
    assert stub.most == 4
    samples.sort(key=lambda sample: sample.done or 0)  # as they came to the server
    for number, sample in enumerate(samples):
        assert sample.latency is not None
        assert sample.latency >= 0.3 * (number + 1) - sample.intended - 0.01
    assert all(after > before for before, after in pairwise(s.latency or 0 for s in samples))


def test_a_client_that_is_late_says_so_and_its_lateness_counts() -> None:
    with serving(always(200, MASK)) as stub:
        samples = _send(stub.url, [0.1, 0.15], block=0.4)
    for sample in samples:
        assert sample.code == "ok"
        assert sample.late is not None
        assert sample.late > 0.2
        assert sample.latency is not None
        assert sample.latency > sample.late


def test_a_request_beyond_the_connections_is_counted_and_never_sent() -> None:
    all_seen = threading.Event()

    async def after_all(_: int) -> Answer:
        while not all_seen.is_set():
            await asyncio.sleep(0.01)
        return 200, MASK

    with serving(after_all) as stub:
        times = [0.0, 0.05, 0.1, 0.15]
        samples = _send(stub.url, times, most=2, once_all_are_seen=all_seen.set)
    assert [sample.code for sample in samples] == ["ok", "ok", "not_sent", "not_sent"]
    assert [sample.sent is None for sample in samples] == [False, False, True, True]
    assert samples[3].latency is None
    assert len(stub.headers) == 2


def test_a_client_later_than_the_timeout_sends_nothing() -> None:
    with serving(always(200, MASK)) as stub:
        (sample,) = _send(stub.url, [0.05], timeout=0.1, block=0.4)  # short on purpose
    assert (sample.code, sample.sent) == ("not_sent", None)
    assert not stub.headers


@pytest.mark.slow
def test_the_gateway_is_told_the_deadline_and_without_an_answer_the_client_gives_up() -> None:
    with serving(always(200, MASK, seconds=60)) as stub:
        for seconds in ever_longer(1):
            (sample,) = _send(stub.url, [0.0], timeout=seconds)
            if stub.headers:
                break
        assert 0 < float(stub.headers[0]["x-request-timeout"]) <= seconds
    assert (sample.code, sample.status) == ("timeout", None)
    assert sample.latency is not None
    assert sample.latency > seconds


def test_every_request_has_a_connection_of_its_own() -> None:
    with serving(always(200, MASK)) as stub:
        _send(stub.url, [0.0, 0.2])
    assert [head["connection"] for head in stub.headers] == ["close", "close"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (*OVERLOADED, "overloaded"),
        (504, b'{"code": "deadline_exceeded"}', "deadline_exceeded"),
        (502, b"no problem document", "http_502"),
        (500, b'{"code": 7}', "http_500"),
        (500, b"{no JSON", "http_500"),
        (200, b"another mask", "wrong_mask"),
    ],
)
def test_an_answer_is_named_by_its_code(status: int, body: bytes, code: str) -> None:
    with serving(always(status, body)) as stub:
        (sample,) = _send(stub.url, [0.0])
    assert (sample.status, sample.code) == (status, code)


def test_a_connection_that_is_refused_or_cut_off_is_an_outcome() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    (sample,) = _send(url, [0.0])
    assert (sample.code, sample.status) == ("connection", None)


def test_one_wrong_mask_among_right_ones_is_found() -> None:
    async def third_is_wrong(number: int) -> Answer:
        return 200, b"wrong" if number == 2 else MASK

    with serving(third_is_wrong) as stub:
        samples = _send(stub.url, [0.0, 0.2, 0.4, 0.6])
    assert sorted(sample.code for sample in samples) == ["ok", "ok", "ok", "wrong_mask"]


def _capacity(url: str, clients: int, seconds: float) -> Capacity:
    async def run() -> Capacity:
        async with connections(url) as client:
            return await measure_capacity(
                client, TARGETS, {KIND: 1}, clients=clients, seconds=seconds, timeout=patience(1)
            )

    return asyncio.run(run())


def test_capacity_is_what_a_closed_loop_of_clients_is_answered() -> None:
    async def slowly(_: int) -> Answer:
        """The first ones once all clients have sent one."""
        while len(stub.headers) < 3:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return 200, MASK

    with serving(slowly) as stub:
        found = _capacity(stub.url, clients=3, seconds=0.5)
    assert stub.most == 3
    assert found.clients == 3
    assert found.requests == len(stub.headers)
    assert found.seconds >= 0.5
    assert 0 < found.per_second <= 30
    assert found.per_second == pytest.approx(found.requests / found.seconds)


def test_capacity_is_not_measured_from_refusals() -> None:
    with (
        serving(always(*OVERLOADED)) as stub,
        pytest.raises(OcrnetError, match=r"2 clients at once.*'overloaded'.*--concurrency"),
    ):
        _capacity(stub.url, clients=2, seconds=5)
    assert len(stub.headers) == 2


@pytest.mark.slow
def test_a_gateway_that_gives_no_first_mask_is_not_measured() -> None:
    async def run(url: str, timeout: float) -> None:
        async with connections(url) as client:
            await first_answers(client, {KIND: 1}, timeout)

    with (
        serving(always(503, b"engine")) as stub,
        pytest.raises(OcrnetError, match=r"32x32:slide, alone, was answered with 503: engine"),
    ):
        asyncio.run(run(stub.url, patience(1)))
    with (
        serving(always(200, MASK, seconds=60)) as stub,
        pytest.raises(OcrnetError, match=r"not answered within 0\.2 s: \w+Timeout"),
    ):
        asyncio.run(run(stub.url, 0.2))
