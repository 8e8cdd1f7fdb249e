"""Looking through a file is work: it takes a place, whether or not anything is segmented then."""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import numpy as np
import pytest

from corpus import vp8l
from corpus.png import RGBA, SIGNATURE, chunk, header, png, zeros
from ocrnet.concurrency import WorkCancelled, in_thread
from ocrnet.engines.fake import FakeEngine
from ocrnet.images import ImageHeader, ImageLimits, inspect_image
from ocrnet.zoo import get_spec
from server.models import ServedModel
from tests.patience import ever_longer, patience, wait_until
from tests.server.slow_engines import Gated

pytestmark = pytest.mark.slow

Gateway = Callable[..., httpx2.Client]
SMALL = png(np.full((40, 64, 3), 3, np.uint8))
DRY = {"dry_run": "1"}


def _long_to_inspect() -> bytes:
    """400 KB that inflate to 400 MB, packed anew since there is a byte too many."""
    rows = zeros((10_000 * 8 + 1) * 5_000 + 1)
    return SIGNATURE + header(10_000, 5_000, 16, RGBA) + chunk(b"IDAT", rows) + chunk(b"IEND")


LONG = _long_to_inspect()


def _in_work(client: httpx2.Client) -> int:
    found = re.search(r'ocrnet_requests_held\{stage="in work"\} (\d+)', client.get("/metrics").text)
    assert found is not None
    return int(found[1])


class _Held:
    """Looks through files as usual, and is not done with LONG before the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = 0
        self.ended = 0

    def inspect(self, data: bytes, limits: ImageLimits) -> ImageHeader:
        if len(data) < len(LONG):
            return inspect_image(data, limits)
        self.started += 1
        try:
            return inspect_image(data, limits)
        finally:
            self.gate.wait(patience(10))
            self.ended += 1


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Held]:
    held = _Held()
    monkeypatch.setattr("server.routes.segment.inspect_image", held.inspect)
    yield held
    held.gate.set()


@pytest.mark.parametrize("query", [DRY, {"mode": "whole"}])
def test_a_picture_that_is_looked_through_takes_a_place(
    gateway: Gateway, held: _Held, query: dict[str, str]
) -> None:
    client = gateway(max_requests=1, retry_after=7)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/segment", params=query, files={"image": LONG})
        wait_until(lambda: _in_work(client) == 1, seconds=1)
        refused = client.post("/segment", params=DRY, files={"image": SMALL})
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert refused.headers["retry-after"] == "7"
        held.gate.set()
        assert first.result().status_code == (200 if "dry_run" in query else 413)
    assert _in_work(client) == 0
    forecast = client.post("/segment", params=DRY, files={"image": SMALL})
    assert forecast.json()["allowed"]


def test_of_many_dry_runs_at_once_no_more_run_than_there_are_places(
    gateway: Gateway, held: _Held
) -> None:
    client = gateway(max_requests=2, max_uploads=64)
    with ThreadPoolExecutor(15) as pool:
        posts = [
            pool.submit(client.post, "/segment", params=DRY, files={"image": LONG})
            for _ in range(15)
        ]
        wait_until(lambda: sum(post.done() for post in posts) == 13, seconds=5)
        assert _in_work(client) == 2
        held.gate.set()
    statuses = [post.result().status_code for post in posts]
    assert sorted(statuses) == [200] * 2 + [503] * 13
    assert held.started == 2
    assert _in_work(client) == 0


@pytest.mark.parametrize("how", ["deadline", "client"])
def test_who_waits_for_an_inspection_is_let_go_and_the_place_once_it_has_ended(
    gateway: Gateway, held: _Held, how: str
) -> None:
    client = gateway(max_requests=1)
    if how == "client":
        with socket.create_connection((client.base_url.host, client.base_url.port)) as leaving:
            leaving.sendall(
                b"POST /segment?dry_run=1 HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(LONG), LONG)
            )
            wait_until(lambda: held.started, seconds=1)
    else:
        for seconds in ever_longer(0.2):
            headers = {"X-Request-Timeout": f"{seconds:g}"}
            answer = client.post("/segment", params=DRY, files={"image": LONG}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
            wait_until(lambda: held.started or _in_work(client) == 0, seconds=1)
            if held.started:
                break
    assert (_in_work(client), held.ended) == (1, 0)
    held.gate.set()
    wait_until(lambda: _in_work(client) == 0, seconds=1)
    assert held.ended == held.started
    assert client.post("/segment", params=DRY, files={"image": SMALL}).status_code == 200


def test_an_inspection_that_nobody_waits_for_ends_in_between() -> None:
    ended: list[str] = []
    started = threading.Event()

    def inspect() -> None:
        started.set()
        try:
            inspect_image(LONG, ImageLimits())
            ended.append("all of it")
        except WorkCancelled:
            ended.append("in between")

    async def main() -> None:
        task = asyncio.create_task(in_thread(inspect))
        while not started.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
    assert ended == ["in between"]


def test_work_in_a_thread_of_its_own_is_not_stopped_by_what_another_task_cancels() -> None:
    async def main() -> None:
        first = asyncio.create_task(in_thread(inspect_image, LONG, ImageLimits()))
        second = asyncio.create_task(in_thread(inspect_image, SMALL, ImageLimits()))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).size.pixels == 40 * 64
        await asyncio.wait([first])

    asyncio.run(main())


def test_a_place_holds_the_file_first_and_then_what_the_picture_takes(gateway: Gateway) -> None:
    """Several fit; one whose cost does not fit beside them is refused, and nothing stays held."""
    picture = png(np.zeros((400, 400, 3), np.uint8))
    engine = Gated()
    takes = _cost(gateway(), picture)["bytes"]
    client = gateway(engine, max_requests=10, max_work_bytes=2 * takes + 50_000)
    with ThreadPoolExecutor(2) as pool:
        held = [
            pool.submit(client.post, "/segment", files={"image": picture}, params={"mode": "whole"})
            for _ in range(2)
        ]
        wait_until(lambda: _in_work(client) == 2, seconds=1)
        queue = 'ocrnet_engine_queue{model="demo"} 2.0'
        wait_until(lambda: queue in client.get("/metrics").text, seconds=1)
        forecast = client.post("/segment", params=DRY, files={"image": picture})
        assert forecast.status_code == 200  # looking at it fits
        refused = client.post("/segment", files={"image": picture})
        assert (refused.status_code, "bytes" in refused.json()["detail"]) == (503, True)
        assert _in_work(client) == 2
        engine.gate.set()
        assert [one.result().status_code for one in held] == [200, 200]
    assert client.post("/segment", files={"image": picture}).status_code == 200


def test_a_file_that_is_larger_than_its_picture_is_served(gateway: Gateway) -> None:
    """More metadata than requests may hold together: most of a file is not kept."""
    text = chunk(b"tEXt", b"Comment\0" + bytes(300_000))
    data = png(np.zeros((32, 32, 3), np.uint8), before=text)
    client = gateway(max_work_bytes=100_000)
    assert client.post("/segment", files={"image": data}).status_code == 200


def _cost(client: httpx2.Client, data: bytes) -> dict[str, int]:
    query = {**DRY, "mode": "whole"}
    cost: dict[str, int] = client.post("/segment", params=query, files={"image": data}).json()[
        "cost"
    ]
    return cost


def test_groups_of_prefix_codes_are_in_the_cost(gateway: Gateway) -> None:
    made = vp8l.Lossless(512, 512, 16_384)
    client = gateway(max_work_bytes=50_000_000)
    assert _cost(client, made.file())["bytes"] > 16_384 * 5 * 256 * 4
    refused = client.post("/segment", files={"image": made.file()})
    assert (refused.status_code, refused.json()["code"]) == (413, "too_much_memory")
    ordinary = vp8l.Lossless(512, 512, 10)
    assert client.post("/segment", files={"image": ordinary.file()}).status_code == 200


def test_a_legend_is_drawn_once(gateway: Gateway) -> None:
    model = ServedModel(get_spec("demo"), [], lambda: FakeEngine(19))
    client = gateway(model=model)
    first = client.get("/models/demo/legend.png").content
    assert model.legend is model.legend
    assert client.get("/models/demo/legend.png").content == first == model.legend
