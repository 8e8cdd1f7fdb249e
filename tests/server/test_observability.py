"""What an operator sees: metrics, log lines, timings."""

import http.client
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

Gateway = Callable[..., httpx2.Client]


@pytest.fixture
def png(encode: Callable[..., bytes]) -> bytes:
    return encode(np.full((64, 96, 3), 3, np.uint8))


def _samples(client: httpx2.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _value(client: httpx2.Client, name: str, **labels: str) -> float:
    return _samples(client)[name, frozenset(labels.items())]


def test_requests_refusals_windows_and_stages_are_counted(gateway: Gateway, png: bytes) -> None:
    client = gateway(max_windows=50)
    query = {"crop": "32x32", "stride": "32x32", "flip": "1"}
    for _ in range(2):
        assert client.post("/segment", params=query, files={"image": png}).status_code == 200
    client.post("/segment", files={"image": b"text"})
    client.post("/segment", params={"crop": "32x32", "stride": "4x4"}, files={"image": png})
    request = {"route": "/segment", "method": "POST"}
    assert _value(client, "ocrnet_requests_total", status="200", **request) == 2
    assert _value(client, "ocrnet_requests_total", status="415", **request) == 1
    assert _value(client, "ocrnet_refusals_total", code="unsupported_media_type") == 1
    assert _value(client, "ocrnet_refusals_total", code="too_much_work") == 1
    assert _value(client, "ocrnet_windows_total", model="demo") == 2 * 2 * 6
    assert _value(client, "ocrnet_engine_queue", model="demo") == 0
    assert _value(client, "ocrnet_requests_held", stage="in work") == 0
    assert _value(client, "ocrnet_request_seconds_count", route="/segment") == 4
    for stage in ("receive", "inspect", "decode", "engine", "stitch", "argmax", "encode"):
        assert _value(client, "ocrnet_stage_seconds_count", model="demo", stage=stage) == 2
    assert _value(client, "process_resident_memory_bytes") > 10**7


def test_no_client_can_invent_a_label(gateway: Gateway, png: bytes) -> None:
    client = gateway()
    _samples(client)  # reading the metrics is counted too
    counts = []
    for numbers in (range(2), range(2, 50)):
        for number in numbers:
            client.get(f"/{number}")
            client.get(f"/models/{number}")
            client.request(f"M{number}", "/segment")
            client.post("/segment", params={"model": str(number)}, files={"image": png})
            client.post("/segment", params={f"p{number}": "1"}, files={"image": png})
        samples = _samples(client)
        counts.append(len(samples))
    assert counts[0] == counts[1]
    labels = {value for (_, items) in samples for _, value in items}
    assert "49" not in labels
    assert {"none", "other"} <= labels


def test_every_request_is_one_json_line(gateway_process: Callable[..., Any], png: bytes) -> None:
    process = gateway_process("--log-format", "json")
    name = "one-request"
    query = {"crop": "64x64", "format": "json"}
    headers = {"x-request-id": name}
    answer = process.client.post(
        "/segment", params=query, files={"image": ("private.png", png)}, headers=headers
    )
    assert answer.status_code == 200
    process.client.get("/health/live")
    process.client.get("/nothing", headers={"x-request-id": "lost"})
    wait_until(lambda: '"lost"' in process.log.read_text(), seconds=1)  # after the answer
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line[:1] == "{"]
    access = [line for line in lines if line["logger"] == "ocrnet.access"]
    assert [line["request_id"] for line in access] == [name, "lost"]  # probes are debug lines
    line = access[0]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/segment", 200)
    assert (line["model"], line["mode"], line["format"]) == ("demo", "slide", "json")
    assert (line["size"], line["windows"], line["bytes"]) == ("64x96", 2, len(png))
    assert line["milliseconds"] > 0
    assert access[1]["code"] == "not_found"
    assert "private" not in process.log.read_text()


def test_text_lines_say_the_same(gateway_process: Callable[..., Any], png: bytes) -> None:
    process = gateway_process()
    process.client.post("/segment", files={"image": b"x"}, headers={"x-request-id": "mine"})
    wait_until(lambda: "mine" in process.log.read_text(), seconds=1)
    (line,) = [line for line in process.log.read_text().splitlines() if "mine" in line]
    assert "status=415 " in line
    assert "code=unsupported_media_type" in line


def test_what_is_no_http_is_counted_and_logged_too(gateway_process: Callable[..., Any]) -> None:
    process = gateway_process("--log-format", "json")
    url = process.client.base_url
    with socket.create_connection((url.host, url.port), timeout=patience(3)) as raw:
        raw.sendall(b"\x16\x03\x01 is a TLS hello\r\n\r\n")
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        name = json.loads(answer.read())["request_id"]
    process.client.get("/nothing")
    wait_until(lambda: name in process.log.read_text(), seconds=1)
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == name]
    assert (line["status"], line["code"], line["route"]) == (400, "bad_http", "none")
    assert len([line for line in lines if line["logger"] == "ocrnet.access"]) <= 2
    assert _value(process.client, "ocrnet_refusals_total", code="bad_http") == 1


def test_head_is_get_without_a_body(gateway: Gateway) -> None:
    client = gateway()
    for path in ("/health/live", "/models", "/models/demo/legend.png", "/", "/metrics"):
        answer = client.head(path)
        assert answer.status_code == 200, path
        assert answer.content == b""
    assert client.head("/nothing").status_code == 404
    assert client.head("/segment").status_code == 405


def test_stages_fill_the_time(gateway: Gateway, png: bytes) -> None:
    """No stage twice and none forgotten; docs/measurements.md has how much is left over."""
    query = {"crop": "32x32", "stride": "8x8"}
    client = gateway()

    def half_is_told() -> bool:
        answer = client.post("/segment", params=query, files={"image": png})
        parts = (part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
        stages = {name: float(value) for name, value in parts}
        total = stages.pop("total")
        assert sum(stages.values()) <= total * 1.01 + 0.1
        return sum(stages.values()) > total * 0.5

    # Not each time on a machine that has other work: a thread may wait for its turn between two.
    wait_until(half_is_told, seconds=1)
