"""The JSON documents: the bytes that clients get, and that OpenAPI describes each one."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx2
import numpy as np
import pytest
from pydantic import BaseModel

from ocrnet.artefacts import Weights
from ocrnet.engines.fake import FakeEngine
from ocrnet.zoo import get_spec
from server.models import ServedModel
from server.responses import (
    Forecast,
    GraphInProcess,
    GraphOnTriton,
    Liveness,
    ModelDescription,
    ModelList,
    Problem,
    Readiness,
    SegmentReport,
)

Gateway = Callable[..., httpx2.Client]
WITHOUT_OWN_NUMBERS = "ocrnet_hr18s_ade20k_80k"
NO_FIGURES = b'{"fps":null,"device":null,"miou":null,"miou_ms_flip":null,"iterations":null}'
WEIGHTS = b'{"origin":"demo","checkpoint":"demo.safetensors","sha256":"cd","note":"of streets"}'
GRAPHS = (
    b'[{"kind":"dynamic","precision":"float32","size":"any","outputs":["logits"],'
    b'"runtime":"openvino","device":"CPU","provider":null,"passes":["token_head"],"sha256":"ab",'
    b'"checkpoint":"demo.safetensors","parity":{"64x96":4.2e-6,"512x1024":0.00001}},'
    b'{"kind":"window","precision":"float16","size":"512x1024",'
    b'"outputs":["labels","logits"],"triton":"demo_window","max_batch":16}]'
)


@pytest.fixture
def picture(encode: Callable[..., bytes]) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    return encode(pixels)


def _demo() -> ServedModel:
    """The demo with graphs of both kinds, which no gateway serves together."""
    graphs = [
        GraphInProcess(
            kind="dynamic",
            precision="float32",
            size="any",
            outputs=["logits"],
            runtime="openvino",
            device="CPU",
            provider=None,
            passes=["token_head"],
            sha256="ab",
            checkpoint="demo.safetensors",
            parity={"64x96": 4.2e-06, "512x1024": 1e-05},
        ),
        GraphOnTriton(
            kind="window",
            precision="float16",
            size="512x1024",
            outputs=["labels", "logits"],
            triton="demo_window",
            max_batch=16,
        ),
    ]
    weights = Weights("demo", "demo.safetensors", "cd", "of streets")
    return ServedModel(get_spec("demo"), graphs, lambda: FakeEngine(19), "exact", weights)


def test_descriptions_of_models_have_these_bytes(gateway: Gateway) -> None:
    client = gateway(model=_demo())
    assert client.get("/models").content == (
        b'{"default":"demo","models":[{"name":"demo","backbone":"hr18s","dataset":"Cityscapes",'
        b'"crop":"512x1024","published":' + NO_FIGURES + b',"weights":' + WEIGHTS
        + b',"precision":"exact","loaded":false}]}'
    )  # fmt: skip
    labels = get_spec("demo").labels
    assert labels.label_ids is not None
    rows = zip(labels.names, labels.colours.tolist(), labels.label_ids.tolist(), strict=True)
    classes = ",".join(
        f'{{"index":{index},"name":"{name}","colour":[{r},{g},{b}],"label_id":{label_id}}}'
        for index, (name, (r, g, b), label_id) in enumerate(rows)
    )
    assert client.get("/models/demo").content == (
        b'{"name":"demo","aliases":[],"backbone":"hr18s","dataset":"Cityscapes","crop":"512x1024",'
        b'"stride":"336x680","output_stride":4,"published":' + NO_FIGURES
        + b',"weights":' + WEIGHTS + b',"precision":"exact","loaded":false,"memory_bytes":null,'
        b'"legend":"models/demo/legend.png","palette":"models/demo/palette.csv","classes":['
        + classes.encode() + b'],"graphs":' + GRAPHS + b"}"
    )  # fmt: skip


def test_probes_and_refusals_have_these_bytes(gateway: Gateway) -> None:
    client = gateway(max_bytes=10)
    assert client.get("/health/live").content == b'{"status":"live"}'
    assert client.get("/health/ready").content == b'{"status":"ready"}'
    headers = {"x-request-id": "mine"}
    assert client.get("/nothing", headers=headers).content == (
        b'{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at '
        b'this address; /docs lists what there is","code":"not_found","request_id":"mine"}'
    )
    assert client.post("/segment", content=bytes(11), headers=headers).content == (
        b'{"type":"about:blank","title":"'
        + HTTPStatus(413).phrase.encode()
        + b'","status":413,"detail":"the body has 11 '
        b'bytes or more, 10 are allowed","code":"too_many_bytes","request_id":"mine","limit":10,'
        b'"actual":11}'
    )


def test_a_dry_run_has_these_bytes(gateway: Gateway, picture: bytes) -> None:
    query = {"dry_run": "1", "crop": "32x32", "scales": "0.5,1", "flip": "1"}
    answer = gateway(max_windows=10).post("/segment", params=query, content=picture)
    takes = answer.json()["cost"]["bytes"]
    assert answer.text == (
        '{"model": "demo", "height": 48, "width": 80, "mode": "slide", "blend": "uniform", '
        '"resize": "none", "flip": true, "plan": {"windows": 20, "views": [{"scale": 0.5, "size": '
        '"24x40", "window": "24x32", "windows": 4}, {"scale": 1.0, "size": "48x80", "window": '
        '"32x32", "windows": 16}]}, "cost": {"windows": 20, "work": 369664, "window_pixels": 1024, '
        f'"bytes": {takes}}}, "limits": {{"windows": 10, "work": 20000000000, "window_pixels": '
        '4194304, "bytes": 4294967296}, "allowed": false}'
    )


def _read(kind: type[BaseModel], answer: httpx2.Response) -> dict[str, Any]:
    """Refuses what the description does not name, and what has another type."""
    kind.model_validate_json(answer.content, strict=True)
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize("name", ["demo", WITHOUT_OWN_NUMBERS])
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"boxes": "1"},
        {"boxes": "1", "min_pixels": "1", "flip": "1", "scales": "0.5,1"},
        {"crop": "32x32", "overlap": "0.5", "blend": "gaussian"},
        {"mode": "whole"},
        {"mode": "whole", "resize": "published", "boxes": "0"},
    ],
    ids=str,
)
def test_every_json_answer_is_as_it_is_described(
    gateway: Gateway, picture: bytes, name: str, query: dict[str, str]
) -> None:
    client = gateway(name=name)
    answer = client.post("/segment", params={"format": "json", **query}, content=picture)
    document = _read(SegmentReport, answer)
    absent = set() if query.get("boxes") == "1" else {"components", "components_total"}
    assert document.keys() == SegmentReport.model_fields.keys() - absent
    assert answer.content == json.dumps(document).encode()  # spaces as before
    assert ("label_id" in document["classes"][0]) == (name == "demo")
    forecast = client.post(
        "/segment", params={"format": "json", "dry_run": "1", **query}, content=picture
    )
    assert _read(Forecast, forecast).keys() == Forecast.model_fields.keys()


def test_models_probes_and_refusals_are_as_they_are_described(gateway: Gateway) -> None:
    for client in (gateway(model=_demo()), gateway(name=WITHOUT_OWN_NUMBERS)):
        listed = _read(ModelList, client.get("/models"))
        _read(ModelDescription, client.get(f"/models/{listed['default']}"))
        _read(Liveness, client.get("/health/live"))
        _read(Readiness, client.get("/health/ready"))
        _read(Problem, client.get("/models/nothing"))
        _read(Problem, client.post("/segment", content=b""))


def test_openapi_describes_them(gateway: Gateway) -> None:
    schema = gateway().get("/openapi.json").json()

    def described(method: str, path: str, status: int) -> object:
        content = schema["paths"][path][method]["responses"][str(status)]["content"]
        (found,) = (kind["schema"] for name, kind in content.items() if name.endswith("json"))
        options = [one["$ref"].rpartition("/")[2] for one in found.get("anyOf", [found])]
        for name in options:
            assert schema["components"]["schemas"][name]["additionalProperties"] is False
        return options

    assert described("get", "/models", 200) == ["ModelList"]
    assert described("get", "/models/{name}", 200) == ["ModelDescription"]
    assert described("get", "/models/{name}", 404) == ["Problem"]
    assert described("get", "/health/live", 200) == ["Liveness"]
    assert described("get", "/health/ready", 200) == ["Readiness"]
    assert described("get", "/health/ready", 503) == ["Readiness"]
    assert described("post", "/segment", 200) == ["SegmentReport", "Forecast"]
    assert described("post", "/segment", 413) == ["Problem"]
    assert schema["components"]["schemas"]["Problem"]["required"] == [
        "type", "title", "status", "detail", "code", "request_id",
    ]  # fmt: skip
