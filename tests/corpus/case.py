"""One input to `POST /segment` with its exact answer, and the judge of it."""

import io
import json
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import httpx2
import numpy as np
from PIL import Image

from corpus.png import png
from tests.patience import wait_until


class Gateway(Protocol):
    """What the judge needs of a running gateway."""

    @property
    def client(self) -> httpx2.Client: ...

    @property
    def log(self) -> Any: ...


@dataclass(frozen=True)
class Case:
    """row: of the list of inputs. data: the file; send: other arguments of the post instead.

    code: of the problem document; empty: the request is served. shows: the RGB picture that the
    file must decode to, within `tolerance` grey levels on average. named: headers that a refusal
    must carry.
    """

    row: int
    name: str
    data: bytes | Callable[[], bytes] = b""
    status: int = 200
    code: str = ""
    send: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] | list[tuple[str, str]] = field(default_factory=dict)
    shows: np.ndarray | None = None
    tolerance: float = 0.0
    named: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.row} {self.name}"

    def post(self, client: httpx2.Client, request_id: str = "", **query: str) -> httpx2.Response:
        """Send it; query: more parameters."""
        arguments = dict(self.send)
        if request_id:
            arguments["headers"] = {"x-request-id": request_id, **arguments.get("headers", {})}
        if not {"content", "files", "data", "json"} & arguments.keys():
            data = self.data() if callable(self.data) else self.data
            arguments["files"] = {"image": data}
        params = self.query if isinstance(self.query, list) else {**self.query, **query}
        return client.post("/segment", params=params, **arguments)


def mask_of(client: httpx2.Client, data: bytes, **query: str) -> np.ndarray:
    """Segment and decode: uint8 (H, W)."""
    answer = client.post("/segment", params=query, files={"image": data})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def judge(case: Case, gateway: Gateway, good: bytes, expected: np.ndarray) -> None:
    """Send a case, and a good picture beside and after it; everything must be as it should."""
    name = f"case-{uuid.uuid4().hex[:16]}"
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(mask_of, gateway.client, good)
        alive = pool.submit(gateway.client.get, "/health/live")
        answer = case.post(gateway.client, name)
        np.testing.assert_array_equal(beside.result(), expected)
        assert alive.result().status_code == 200
    assert answer.status_code == case.status, answer.text[:300]
    assert answer.headers["x-content-type-options"] == "nosniff"
    if case.code:
        _judge_refusal(case, answer)
    elif answer.headers["content-type"] == "image/png" and case.shows is not None:
        _judge_mask(case, gateway.client, answer)
    assert gateway.client.get("/health/live").status_code == 200
    np.testing.assert_array_equal(mask_of(gateway.client, good), expected)
    _judge_log(gateway, answer)


def _judge_refusal(case: Case, answer: httpx2.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == case.code, problem
    assert problem["status"] == answer.status_code
    assert problem["type"] == "about:blank"
    assert problem["title"] == HTTPStatus(answer.status_code).phrase
    assert 10 < len(problem["detail"]) <= 200
    assert problem["request_id"] == answer.headers["x-request-id"]
    if problem["code"] == "too_many_bytes" or answer.status_code == 413:
        assert problem["actual"] > problem["limit"] > 0
    assert not re.search(r"Traceback|/site-packages/|\.py\b|<script|\b0x[0-9a-f]{6}", answer.text)
    for header, value in case.named.items():
        assert answer.headers[header] == value


def _judge_mask(case: Case, client: httpx2.Client, answer: httpx2.Response) -> None:
    """The picture that was decoded is the one meant, and the mask is that picture's."""
    assert case.shows is not None
    mask = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert mask.shape == case.shows.shape[:2]
    overlay = case.post(client, format="overlay", opacity="0")
    decoded = np.asarray(Image.open(io.BytesIO(overlay.content)))
    assert np.abs(decoded.astype(int) - case.shows).mean() <= case.tolerance
    query = dict(case.query) if isinstance(case.query, Mapping) else {}
    np.testing.assert_array_equal(mask, mask_of(client, png(decoded), **query))


def _judge_log(gateway: Gateway, answer: httpx2.Response) -> None:
    """Exactly one line about the request, as JSON, with its status."""
    name = answer.headers["x-request-id"]
    wait_until(lambda: name in gateway.log.read_text(), seconds=1)  # written after the answer
    (line,) = (line for line in gateway.log.read_text().splitlines() if name in line)
    facts = json.loads(line)
    assert facts["status"] == answer.status_code
    assert facts.get("code", "") == (answer.json()["code"] if answer.is_error else "")
    assert len(line) < 1000
