"""Section E: parameters and headers."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from corpus.case import Case, judge
from corpus.png import GREY, SIGNATURE, chunk, header, png, zeros
from ocrnet.engines.fake import FakeEngine
from ocrnet.scenes import draw_scene
from tests.patience import patience

pytestmark = pytest.mark.slow

SCENE = draw_scene(1, 64, 96).image
PNG = png(SCENE)
# 50 million pixels in a few KB.
HUGE = (
    SIGNATURE + header(10_000, 5_000, 1, GREY) + chunk(b"IDAT", zeros(1251 * 5000)) + chunk(b"IEND")
)
UNKNOWN_MODEL = (404, "unknown_model")
UNKNOWN = (422, "unknown_parameter")


def _query(row: int, status: int, code: str, data: bytes = PNG, **query: str) -> Case:
    name = ", ".join(f"{key}={value[:30]!r}" for key, value in query.items())
    return Case(row, name, data, status, code, query=query)


def _headers(row: int, status: int, code: str = "", **headers: str) -> Case:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    name = ", ".join(f"{key}: {value[:30]}" for key, value in named.items())
    return Case(row, name, PNG, status, code, send={"headers": named})


CASES = [
    *[_query(77, *UNKNOWN_MODEL, model=name)
      for name in ("ocrnet_hr99", "ocrnet_hr48_ade20k_80k", "demo:2", "demo/2", "demo@7")],
    *[_query(78, *UNKNOWN_MODEL, model=name)
      for name in ("../x", "a/b", "%2e%2e", "", " ", "demo ", "x" * 300, "dеmo", "DEMO",
                   "model_repository/demo")],
    *[_query(79, *UNKNOWN_MODEL, model=name)
      for name in ("demo_window", "demo_preprocess", "ensemble", "demo/dynamic")],
    *[_query(80, 422, "invalid_crop", crop=text)
      for text in ("-1x-1", "0x0", "1x1", "31x32", "1.5x1.5", "1000000000x1000000000", "abc",
                   "0x10", "512", "512x", "x512", "512x512x512", "٥١٢x٥١٢", "9" * 400 + "x512",
                   "512 x 512", "512X512", "")],
    *[_query(81, 422, "invalid_stride", crop="64x64", stride=text)
      for text in ("0x0", "0x64", "-8x-8", "65x64", "64x65", "1e1x1e1")],
    *[_query(82, 422, "invalid_overlap", overlap=text)
      for text in ("1", "1.0000001", "-0.1", "NaN", "inf", "-inf", "half", "", "0_0.5", " 0.5",
                   "5e-1", "٠.٥")],
    _query(82, 200, "", overlap="-0.0"),
    _query(82, 200, "", overlap="0"),
    _query(82, 422, "invalid_overlap", overlap="0.5", stride="64x64"),
    _query(83, 413, "too_much_work", HUGE, overlap="0.999"),
    _query(83, 413, "too_much_work", HUGE, scales="1000000"),
    _query(83, 413, "too_much_work", scales="1000000"),
    _query(83, 413, "too_much_work", HUGE, crop="32x32", stride="1x1"),
    _query(83, 413, "too_much_work", HUGE, scales="0.5,0.75,1,1.25,1.5,1.75,2,3", flip="1"),
    _query(83, 413, "too_much_work", HUGE, crop="32x32", stride="1x1", flip="1",
           scales="3.90,3.91,3.92,3.93,3.94,3.95,3.96,3.97"),
    _query(83, 413, "window_too_large", HUGE, mode="whole"),
    *[_query(84, 422, "invalid_scales", scales=text)
      for text in (",".join("1" for _ in range(1000)), "1,1", "0", "0.5,0", "NaN", "inf", "1,,2",
                   "", ",", "1;2", "-1", "1,2,3,4,5,6,7,8,9", "1e400", "0.5, 1.0")],
    # Ten thousand do not fit into a URL that the gateway takes: row 72 decides.
    _query(84, 414, "url_too_long", scales=",".join("1" for _ in range(10_000))),
    Case(85, "twice in the URL", PNG, 422, "duplicate_parameter",
         query=[("mode", "whole"), ("mode", "slide")]),
    Case(85, "twice in the URL, the same", PNG, 422, "duplicate_parameter",
         query=[("flip", "1"), ("flip", "1")]),
    Case(85, "in the URL and in the form", status=422, code="duplicate_parameter",
         query={"mode": "whole"}, send={"files": {"image": PNG}, "data": {"mode": "whole"}}),
    Case(85, "in the form", status=422, code="unknown_field",
         send={"files": {"image": PNG}, "data": {"mode": "whole"}}),
    *[_query(86, *UNKNOWN, **{name: "file:///etc/passwd"})
      for name in ("url", "callback", "file", "engine", "image", "Mode", "mode ", "priority")],
    _query(88, 422, "invalid_format", format="bmp"),
    _query(88, 422, "invalid_format", format=""),
    _query(88, 422, "invalid_mode", mode="fast"),
    _query(88, 422, "invalid_blend", blend="none"),
    _query(88, 422, "invalid_resize", resize="half"),
    _query(88, 422, "invalid_flip", flip="maybe"),
    *[_headers(88, 406, "not_acceptable", accept=text)
      for text in ("image/jpeg", "text/html", "image/png;q=0", "application/xml, image/gif")],
    *[_query(89, 422, "invalid_opacity", format="overlay", opacity=text)
      for text in ("1.1", "-0.1", "NaN", "inf", "x", "")],
    *[_query(89, 422, "invalid_min_pixels", format="json", boxes="1", min_pixels=text)
      for text in ("0", "-1", "1.5", "9" * 30, "x")],
    _query(89, 422, "invalid_min_pixels", format="json", min_pixels="5"),
    _query(89, 422, "invalid_opacity", format="png", opacity="0.5"),
    _query(89, 422, "invalid_boxes", format="png", boxes="1"),
    _query(89, 422, "invalid_edges", format="json", edges="1"),
    _query(89, 422, "invalid_content", format="json", content="logits"),
    _query(89, 422, "invalid_ids", format="overlay", ids="label"),
    _query(89, 422, "invalid_ids", format="npz", content="logits", ids="label"),
    _query(89, 422, "invalid_blend", mode="whole", blend="gaussian"),
    _query(89, 422, "invalid_crop", mode="whole", crop="64x64"),
    _query(89, 422, "invalid_overlap", mode="whole", overlap="0.5"),
    *[_headers(90, 422, "invalid_timeout", x_request_timeout=text)
      for text in ("0", "-1", "NaN", "inf", "soon", "1e3", "9" * 30, "0.0", str(10**18))],
    *[_headers(90, 422, "invalid_deadline", x_request_deadline=text)
      for text in ("-1", "NaN", "tomorrow", "2030-01-01T00:00:00Z")],
    _headers(90, 200, x_request_timeout="100000000000000000"),
    _headers(90, 200, x_request_deadline="100000000000000000"),
    _headers(90, 504, "deadline_exceeded", x_request_deadline="1000000000"),
    _headers(90, 504, "deadline_exceeded", x_request_timeout="0.000001"),
    _query(91, *UNKNOWN, priority="99"),
    _headers(92, 200, x_request_id="a" * 10_000),
    _headers(92, 200, x_request_id="a%0d%0aSet-Cookie: b"),
    _headers(92, 200, traceparent="00-xyz-1-"),
    _headers(92, 431, "headers_too_large", baggage="a=" + "b" * 100_000),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answer(case: Case, process: Any, good: bytes, expected: np.ndarray) -> None:
    judge(case, process, good, expected)


def _raw(process: Any, target: bytes, headers: bytes = b"") -> tuple[int, bytes]:
    """Status and everything that came back for a request written by hand."""
    url = process.client.base_url
    with socket.create_connection((url.host, url.port), timeout=patience(3)) as raw:
        raw.sendall(
            b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Connection: close\r\nContent-Length: " + str(len(PNG)).encode() + b"\r\n"
            + headers + b"\r\n" + PNG
        )  # fmt: skip
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        return answer.status, str(answer.headers).encode() + answer.read()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"mode=%ff%fe", "invalid_query"),
        (b"model=%c0%ae%c0%ae", "invalid_query"),  # an overlong "."
        (b"%ed%a0%80=1", "invalid_query"),  # half of a surrogate pair
        (b"mode=%", "invalid_query"),
        (b"mode=%4", "invalid_query"),
        (b"mode=%zz", "invalid_query"),
        (b"model=demo%00", "invalid_query"),
        (b"model=..%00", "invalid_query"),
        (b"mode=slide%0d%0aSet-Cookie:%20a=b", "invalid_query"),
        (b"mode=slide;mode=whole", "invalid_mode"),
        (b"&&&", ""),
        (b"=x", "unknown_parameter"),
        (b"mode", "invalid_mode"),
    ],
)
def test_queries_that_are_no_text(process: Any, query: bytes, code: str) -> None:
    """Row 87."""
    status, body = _raw(process, b"/segment?" + query)
    assert (status == 422) == bool(code), body
    assert code.encode() in body
    assert b"\nset-cookie" not in body.lower()


def test_a_request_id_cannot_bring_in_a_header(process: Any) -> None:
    """Row 92: a line break ends the header, so what follows is only another one."""
    status, body = _raw(process, b"/segment", b"X-Request-Id: a b\r\nSet-Cookie: evil=1\r\n")
    assert status == 200
    assert b"evil" not in body
    status, body = _raw(process, b"/segment", b"X-Request-Id: \xff\xfe\r\n")
    assert status == 200


def test_a_long_url_and_long_heads_however_they_arrive(process: Any) -> None:
    """In one piece, and a piece at a time: 414 for the URL, 431 for the headers."""
    url = process.client.base_url
    line = b"POST /segment?scales=" + b"1" * 64_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /segment HTTP/1.1\r\nHost: x\r\nBaggage: " + b"1" * 64_000 + b"\r\n\r\n"
    for sent, status in ((line, 414), (head, 431)):
        for step in (len(sent), 1000):
            with socket.create_connection((url.host, url.port), timeout=patience(3)) as raw:
                try:
                    for at in range(0, len(sent), step):
                        raw.sendall(sent[at : at + step])
                        time.sleep(0.001)
                except ConnectionError:
                    pass  # it was refused before its end
                answer = http.client.HTTPResponse(raw)
                answer.begin()
                assert answer.status == status
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert json.loads(answer.read())["status"] == status


def test_parameters_open_no_connection(process: Any) -> None:
    """Row 86: neither a known nor an unknown name makes the gateway fetch anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for name in ("url", "callback", "engine", "model", "format"):
            answer = process.client.post("/segment", params={name: address}, files={"image": PNG})
            assert answer.status_code in (404, 422)
        listener.settimeout(0.3)  # short on purpose: nobody comes
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_refused_request_costs_no_engine_run(
    gateway: Callable[..., Any],
) -> None:
    """Rows 77, 83: what is refused has reached no engine."""
    engine = FakeEngine(19)
    client = gateway(engine)
    for case in CASES:
        if case.code:
            case.post(client)
    assert engine.shapes_seen == []
