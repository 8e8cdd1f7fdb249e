"""What a request may take, how many there may be, and how soon the others are told."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.engines.fake import FakeEngine
from ocrnet.images import ImageLimits, inspect_image
from tests.patience import ever_longer, patience, wait_until
from tests.server.slow_engines import FOR_EVER, Busy, Gated, Slow

Gateway = Callable[..., httpx2.Client]
Encode = Callable[..., bytes]


@pytest.fixture
def png(encode: Encode) -> bytes:
    return encode(np.full((40, 64, 3), 3, np.uint8))


def _labels(answer: httpx2.Response) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)))


def test_beyond_the_bound_requests_are_refused_at_once_and_places_come_back(
    gateway: Gateway, png: bytes
) -> None:
    engine = Gated()
    client = gateway(engine, max_requests=2, retry_after=7)
    answers: list[httpx2.Response] = []

    def post() -> None:
        answers.append(client.post("/segment", files={"image": png}))

    held = [threading.Thread(target=post) for _ in range(2)]
    for thread in held:
        thread.start()
    wait_until(lambda: _in_work(client) == 2, seconds=1)
    refused = client.post("/segment", content=b"")
    assert refused.status_code == 503
    assert refused.json()["code"] == "overloaded"
    assert refused.headers["retry-after"] == "7"
    assert client.get("/health/ready").status_code == 200
    engine.gate.set()
    for thread in held:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert client.post("/segment", files={"image": png}).status_code == 200


def test_slow_senders_keep_nobody_from_the_engine(gateway: Gateway, png: bytes) -> None:
    client = gateway(max_requests=1, max_uploads=3, body_timeout=3600)

    def send_slowly(arriving: int) -> socket.socket:
        """Send a head and the start of a body; return once so many are let in."""
        sender = socket.create_connection((client.base_url.host, client.base_url.port))
        sender.sendall(
            b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 9\r\n\r\n12"
        )
        wait_until(lambda: _held(client, "arriving") == arriving, seconds=1)
        sender.setblocking(False)
        with pytest.raises(BlockingIOError):
            sender.recv(1)  # no answer
        return sender

    with ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(send_slowly(number))
        assert client.post("/segment", files={"image": png}).status_code == 200
        stack.enter_context(send_slowly(3))
        refused = client.post("/segment", files={"image": png})
        assert refused.status_code == 503
        assert "3 requests are arriving" in refused.json()["detail"]


def test_a_body_that_does_not_come_is_given_up(gateway: Gateway) -> None:
    client = gateway(body_timeout=0.2)

    def slow() -> Iterator[bytes]:
        yield b"\xff\xd8\xff"
        with httpx2.Client(base_url=client.base_url, timeout=patience(1)) as beside:
            refused = 'ocrnet_refusals_total{code="body_too_slow"} 1.0'
            wait_until(lambda: refused in beside.get("/metrics").text, seconds=1)
        yield b"more"

    answer = client.post("/segment", content=slow(), headers={"content-type": "image/jpeg"})
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")


def test_the_engine_is_not_given_more_in_one_piece_than_allowed(
    gateway: Gateway, encode: Encode
) -> None:
    client = gateway(max_window_pixels=64 * 64)
    small, large = (encode(np.zeros((64, width, 3), np.uint8)) for width in (64, 65))
    slide = {"crop": "64x64"}
    for data, query, status in (
        (small, {"mode": "whole"}, 200),
        (large, {"mode": "whole"}, 413),
        (large, slide, 200),
        (large, {"crop": "64x65"}, 413),
        (small, {"mode": "whole", "resize": "published"}, 413),
    ):
        answer = client.post("/segment", params=query, files={"image": data})
        assert answer.status_code == status, (query, answer.text)
        if status == 413:
            assert answer.json()["code"] == "window_too_large"
            assert answer.json()["limit"] == 64 * 64


def test_strides_that_would_hold_too_many_logits_are_refused(
    gateway: Gateway, encode: Encode
) -> None:
    data = encode(np.zeros((320, 64, 3), np.uint8))
    # At a stride of 32: two windows over a row and one to come; nine in the engine, with their
    # pictures; the picture, its label map and the answer; the file.
    limit = (3 + 9) * 19 * 16 * 16 * 4 + 9 * 64 * 64 * 3 + 320 * 64 * 5
    limit += len(inspect_image(data, ImageLimits()).file)
    client = gateway(max_work_bytes=limit)
    for stride, status in (("64x64", 200), ("32x64", 200), ("16x64", 413)):
        query = {"crop": "64x64", "stride": stride}
        answer = client.post("/segment", params=query, files={"image": data})
        assert answer.status_code == status, (stride, answer.text)
    assert answer.json()["code"] == "too_much_memory"
    assert answer.json()["actual"] > answer.json()["limit"] == limit


def test_work_over_the_budget_is_refused_with_limit_and_actual(
    gateway: Gateway, encode: Encode
) -> None:
    engine = FakeEngine(19)
    client = gateway(engine, max_work=2 * 64 * 64 * 19, max_windows=3)
    data = encode(np.zeros((64, 64, 3), np.uint8))
    for query, actual in (
        ({}, None),
        ({"flip": "1"}, None),
        ({"scales": "1,1.5"}, (64 * 64 + 96 * 96) * 19),
        ({"crop": "32x32", "stride": "32x32"}, 4),
    ):
        answer = client.post("/segment", params=query, files={"image": data})
        assert answer.status_code == (413 if actual else 200)
        if actual:
            assert answer.json()["code"] == "too_much_work"
            assert answer.json()["actual"] == actual
    assert len(engine.shapes_seen) == 2


def test_a_dry_run_says_plan_cost_and_limits_and_runs_nothing(
    gateway: Gateway, encode: Encode
) -> None:
    engine = FakeEngine(19)
    client = gateway(engine, max_windows=10)
    data = encode(np.zeros((64, 96, 3), np.uint8))
    query = {"dry_run": "1", "crop": "32x32", "stride": "32x32", "scales": "1,2", "flip": "1"}
    forecast = client.post("/segment", params=query, files={"image": data}).json()
    assert forecast["plan"]["windows"] == 2 * (2 * 3 + 4 * 6) == forecast["cost"]["windows"]
    assert [view["size"] for view in forecast["plan"]["views"]] == ["64x96", "128x192"]
    assert forecast["cost"]["work"] == 60 * 32 * 32 * 19
    assert forecast["cost"]["window_pixels"] == 32 * 32
    assert forecast["cost"]["bytes"] > 64 * 96 * 4
    assert forecast["limits"]["windows"] == 10
    assert forecast["allowed"] is False
    assert client.post("/segment", params={"dry_run": "1"}, files={"image": data}).json()["allowed"]
    assert engine.shapes_seen == []
    refused = client.post("/segment", params={"dry_run": "1"}, files={"image": b"text"})
    assert refused.status_code == 415


@pytest.mark.parametrize("how", ["timeout", "deadline", "setting"])
def test_a_deadline_ends_the_work(gateway: Gateway, png: bytes, how: str) -> None:
    """By itself the engine would not end before the client gives up, nor would the gateway."""
    engine = Slow(FOR_EVER)
    for seconds in ever_longer(0.5):
        client = gateway(engine, max_request_time=seconds if how == "setting" else FOR_EVER)
        headers = {
            "timeout": {"X-Request-Timeout": f"{seconds:g}"},
            "deadline": {"X-Request-Deadline": f"{time.time() + seconds:.3f}"},
            "setting": {},
        }[how]
        answer = client.post("/segment", files={"image": png}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
        if engine.started:
            break
    wait_until(lambda: engine.cancelled == 1, seconds=1)
    wait_until(lambda: _in_work(client) == 0, seconds=1)
    assert engine.started == 1


def test_who_waits_is_let_go_at_the_deadline_and_the_place_when_the_engine_is_free(
    gateway: Gateway, png: bytes
) -> None:
    engine = Busy()
    client = gateway(engine, max_requests=1)
    for seconds in ever_longer(0.3):
        headers = {"X-Request-Timeout": f"{seconds:g}"}
        answer = client.post("/segment", files={"image": png}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
        wait_until(lambda: engine.started or _in_work(client) == 0, seconds=1)
        if engine.started:
            break
    assert _in_work(client) == 1
    assert 'ocrnet_engine_queue{model="demo"} 1.0' in client.get("/metrics").text
    assert client.post("/segment", files={"image": png}).status_code == 503
    engine.gate.set()
    wait_until(lambda: _in_work(client) == 0, seconds=1)
    assert 'ocrnet_engine_queue{model="demo"} 0.0' in client.get("/metrics").text
    assert client.post("/segment", files={"image": png}).status_code == 200


def _in_work(client: httpx2.Client) -> int:
    return _held(client, "in work")


def _held(client: httpx2.Client, stage: str) -> int:
    held = re.escape(f'ocrnet_requests_held{{stage="{stage}"}} ')
    found = re.search(rf"{held}(\d+)", client.get("/metrics").text)
    assert found is not None
    return int(found[1])


def test_a_client_that_leaves_stops_the_engine(gateway: Gateway, png: bytes) -> None:
    engine = Slow(FOR_EVER)
    client = gateway(engine, max_requests=1)
    with socket.create_connection((client.base_url.host, client.base_url.port)) as leaving:
        leaving.sendall(
            b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(png), png)
        )
        wait_until(lambda: engine.started == 1, seconds=1)
    wait_until(lambda: engine.cancelled == 1, seconds=1)
    wait_until(lambda: _in_work(client) == 0, seconds=1)
    engine.seconds = 0
    assert client.post("/segment", files={"image": png}).status_code == 200


def test_four_clients_at_once_get_the_masks_that_one_gets(gateway: Gateway, encode: Encode) -> None:
    client = gateway(max_requests=4)
    pictures = [encode(np.full((50 + k, 70, 3), 4 * k, np.uint8)) for k in range(4)]
    alone = [_labels(client.post("/segment", files={"image": data})) for data in pictures]
    together: dict[int, NDArray[np.uint8]] = {}

    def post(index: int) -> None:
        answer = client.post("/segment", files={"image": pictures[index]})
        together[index] = _labels(answer)

    threads = [threading.Thread(target=post, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, labels in enumerate(alone):
        np.testing.assert_array_equal(together[index], labels)
