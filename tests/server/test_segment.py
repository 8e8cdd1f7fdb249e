"""What `POST /segment` and its neighbours answer, on the fake engine."""

from collections.abc import Callable
from io import BytesIO

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import BadEngineOutput, EngineError, EngineUnavailable
from server.options import SegmentQuery

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
    view = {"scale": 1.0, "size": "40x64", "window": "32x32", "windows": 6}
    assert document["plan"] == {"windows": 6, "views": [view]}
    assert document["mode"] == "slide"
    assert {row["name"] for row in document["classes"]} == {"wall", "car"}
    assert sum(row["pixels"] for row in document["classes"]) == 40 * 64
    assert {"decode", "engine", "stitch", "argmax"} <= document["milliseconds"].keys()


def test_server_timing_names_every_stage(gateway: Gateway, png: bytes) -> None:
    client = gateway()
    slide = {"crop": "32x32"}
    for query in (slide, {"mode": "whole"}, {"mode": "whole", "resize": "published"}):
        header = client.post("/segment", params=query, files={"image": png}).headers[
            "server-timing"
        ]
        stages = dict(part.split(";dur=") for part in header.split(", "))
        assert list(stages) == [
            "admit", "receive", "inspect", "decode", "load", "resize", "engine", "stitch",
            "argmax", "encode", "total",
        ]  # fmt: skip
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
    road = {"index": 0, "name": "road", "colour": [128, 64, 128], "label_id": 7}
    assert demo["classes"][0] == road
    docs = client.get("/docs").text
    assert "cdn" not in docs
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200
    schema = client.get("/openapi.json").json()
    names = {parameter["name"] for parameter in schema["paths"]["/segment"]["post"]["parameters"]}
    assert names == {*SegmentQuery.model_fields, "X-Request-Timeout", "X-Request-Deadline"}


def test_aliases_name_the_model_too(gateway: Gateway, png: bytes) -> None:
    client = gateway(name="ocrnet_hr18s_cityscapes_40k")
    query = {"model": "ocrnet_hr18s_512x1024_40k_cityscapes"}
    assert _labels(client.post("/segment", params=query, files={"image": png})).shape == (40, 64)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2), (3, 5)])
def test_the_oddest_sizes_work_in_every_mode(
    gateway: Gateway, encode: Encode, size: tuple[int, int]
) -> None:
    client = gateway()
    data = encode(np.full((*size, 3), 11, np.uint8))
    for query in ({"mode": "slide"}, {"mode": "whole"}, {"resize": "published"}):
        labels = _labels(client.post("/segment", params=query, files={"image": data}))
        np.testing.assert_array_equal(labels, np.full(size, 11))


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
