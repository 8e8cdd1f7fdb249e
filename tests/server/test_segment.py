"""What `POST /segment` and its neighbours answer, on the fake engine."""

import asyncio
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

from ocrnet.engines.base import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import BadEngineOutput, EngineError, EngineUnavailable

Gateway = Callable[..., httpx2.Client]
Encode = Callable[..., bytes]


@pytest.fixture
def png(encode: Encode) -> bytes:
    """A picture whose classes the fake engine reads from its red channel: 3 left, 13 right."""
    image = np.zeros((40, 64, 3), np.uint8)
    image[:, :32, 0] = 3
    image[:, 32:, 0] = 13
    return encode(image)


def _labels(answer: httpx2.Response) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(BytesIO(answer.content))
    assert picture.mode == "P"
    return np.asarray(picture)


def test_a_picture_gives_a_palette_png_of_its_size(gateway: Gateway, png: bytes) -> None:
    labels = _labels(gateway().post("/segment", files={"image": png}))
    assert labels.shape == (40, 64)
    assert (labels[:, :30] == 3).all()
    assert (labels[:, 34:] == 13).all()


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "application/octet-stream", ""])
def test_a_raw_body_is_taken_and_judged_by_its_content(
    gateway: Gateway, png: bytes, kind: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    assert _labels(gateway().post("/segment", content=png, headers=headers)).shape == (40, 64)


def test_json_says_what_is_in_the_picture(gateway: Gateway, png: bytes) -> None:
    query = {"format": "json", "mode": "slide", "crop": "32x32", "stride": "16x16"}
    document = gateway().post("/segment", params=query, files={"image": png}).json()
    assert (document["model"], document["height"], document["width"]) == ("demo", 40, 64)
    assert document["plan"] == {"size": "40x64", "window": "32x32", "windows": 6}
    assert {row["name"] for row in document["classes"]} == {"wall", "car"}
    assert sum(row["pixels"] for row in document["classes"]) == 40 * 64
    assert {"decode", "engine", "stitch", "argmax"} <= document["milliseconds"].keys()


def test_server_timing_names_every_stage(gateway: Gateway, png: bytes) -> None:
    client = gateway()
    for query in ({"mode": "slide"}, {"mode": "whole"}, {"mode": "whole", "resize": "published"}):
        header = client.post("/segment", params=query, files={"image": png}).headers[
            "server-timing"
        ]
        stages = dict(part.split(";dur=") for part in header.split(", "))
        wanted = ["receive", "decode", "resize", "engine", "stitch", "argmax", "encode"]
        assert list(stages) == wanted
        assert (float(stages["stitch"]) > 0) == (query != {"mode": "whole"})
        assert all(float(value) >= 0 for value in stages.values())


def test_every_answer_carries_a_request_id(gateway: Gateway, png: bytes) -> None:
    client = gateway()
    assert len(client.get("/health/live").headers["x-request-id"]) == 32
    named = client.post("/segment", headers={"X-Request-Id": "mine-1"}, content=b"")
    assert named.headers["x-request-id"] == named.json()["request_id"] == "mine-1"
    forged = client.get("/health/live", headers={"X-Request-Id": "a b<script>"})
    assert forged.headers["x-request-id"] != "a b<script>"


def test_probes_models_and_docs(gateway: Gateway) -> None:
    client = gateway()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    models = client.get("/models").json()
    assert models["default"] == "demo"
    assert [model["name"] for model in models["models"]] == ["demo"]
    demo = client.get("/models/demo").json()
    assert (demo["crop"], demo["stride"], demo["output_stride"]) == ("512x1024", "336x680", 4)
    assert demo["classes"][0] == {"index": 0, "name": "road", "colour": [128, 64, 128]}
    docs = client.get("/docs").text
    assert "cdn" not in docs
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200
    schema = client.get("/openapi.json").json()
    names = {parameter["name"] for parameter in schema["paths"]["/segment"]["post"]["parameters"]}
    assert names == {"model", "mode", "crop", "stride", "resize", "format"}


def test_aliases_name_the_model_too(gateway: Gateway, png: bytes) -> None:
    client = gateway(name="ocrnet_hr18s_cityscapes_40k")
    query = {"model": "ocrnet_hr18s_512x1024_40k_cityscapes"}
    assert _labels(client.post("/segment", params=query, files={"image": png})).shape == (40, 64)


class _Gated(FakeEngine):
    """Answers only once the gate is open."""

    def __init__(self) -> None:
        super().__init__(19)
        self.gate = threading.Event()

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        while not self.gate.is_set():
            await asyncio.sleep(0.005)
        return await super().infer(images, output)


def test_beyond_the_bound_requests_are_refused_at_once_and_places_come_back(
    gateway: Gateway, png: bytes
) -> None:
    engine = _Gated()
    client = gateway(engine, max_requests=2, retry_after=7)
    answers: list[httpx2.Response] = []

    def post() -> None:
        answers.append(client.post("/segment", files={"image": png}))

    held = [threading.Thread(target=post) for _ in range(2)]
    for thread in held:
        thread.start()
    for _ in range(1000):  # the refusal itself shows when both places are taken
        refused = client.post("/segment", content=b"")
        if refused.status_code == 503:
            break
    assert refused.json()["code"] == "overloaded"
    assert refused.headers["retry-after"] == "7"
    assert client.get("/health/ready").status_code == 200
    engine.gate.set()
    for thread in held:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert client.post("/segment", files={"image": png}).status_code == 200


def test_slow_senders_keep_nobody_from_the_engine(gateway: Gateway, png: bytes) -> None:
    client = gateway(max_requests=1, max_uploads=3, body_timeout=60)

    def send_slowly() -> socket.socket:
        """Send a head and the start of a body; return once the gateway waits for the rest."""
        sender = socket.create_connection((client.base_url.host, client.base_url.port))
        sender.sendall(
            b"POST /segment HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            b"Content-Length: 9\r\n\r\n12"
        )
        sender.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sender.recv(1)  # no answer: it was let in
        return sender

    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(send_slowly())
        assert client.post("/segment", files={"image": png}).status_code == 200
        stack.enter_context(send_slowly())
        refused = client.post("/segment", files={"image": png})
        assert refused.status_code == 503
        assert "3 requests are arriving" in refused.json()["detail"]


def test_a_body_that_does_not_come_is_given_up(gateway: Gateway) -> None:
    client = gateway(body_timeout=0.2)

    def slow() -> Iterator[bytes]:
        yield b"\xff\xd8\xff"
        time.sleep(1)
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
    client = gateway(max_logits_bytes=3 * 19 * 16 * 16 * 4)
    data = encode(np.zeros((320, 64, 3), np.uint8))
    for stride, status in (("64x64", 200), ("32x64", 200), ("16x64", 413)):
        query = {"crop": "64x64", "stride": stride}
        answer = client.post("/segment", params=query, files={"image": data})
        assert answer.status_code == status, (stride, answer.text)
    assert answer.json()["code"] == "too_many_logits"
    assert answer.json()["actual"] == 5 * 19 * 16 * 16 * 4


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2), (3, 5)])
def test_the_oddest_sizes_work_in_every_mode(
    gateway: Gateway, encode: Encode, size: tuple[int, int]
) -> None:
    client = gateway()
    data = encode(np.full((*size, 3), 11, np.uint8))
    for query in ({"mode": "slide"}, {"mode": "whole"}, {"resize": "published"}):
        labels = _labels(client.post("/segment", params=query, files={"image": data}))
        np.testing.assert_array_equal(labels, np.full(size, 11))


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


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EngineUnavailable("10.0.0.7:8001 is gone"), 503, "engine_unavailable"),
        (BadEngineOutput("shape (1, 2)"), 502, "bad_engine_output"),
        (EngineError("libfoo.so.3 failed"), 500, "engine_failed"),
        (RuntimeError("a bug in /srv/secret.py"), 500, "internal_error"),
    ],
)
def test_a_failing_engine_is_a_problem_document_without_its_secrets(
    gateway: Gateway, png: bytes, error: Exception, status: int, code: str
) -> None:
    class Failing(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            raise error

    client = gateway(Failing(19))
    answer = client.post("/segment", files={"image": png})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(error) not in answer.text
    # The place is free again: the next request is judged on its own.
    assert client.post("/segment", content=b"").status_code == 422


def test_logits_of_too_few_classes_are_not_served(gateway: Gateway, png: bytes) -> None:
    answer = gateway(FakeEngine(18)).post("/segment", files={"image": png})
    assert (answer.status_code, answer.json()["code"]) == (502, "bad_engine_output")
