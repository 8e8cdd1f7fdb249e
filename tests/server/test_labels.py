"""Masks by the labels of the engine: which answers are, and that they are those of the logits."""

import asyncio
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.engines import Engine, EngineOptions, open_engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size
from server.app import create_app
from server.cli import server_config
from server.local_triton import LocalTriton, Ports, TritonEnvironment
from server.models import ServedModel, open_models
from server.settings import Settings
from tests.conftest import ANSWER, SETTINGS, listening, patient_triton
from tests.patience import wait_until
from tests.small_models import LABELLED, labelled_demo_spec, labelled_graphs

Gateway = Callable[..., httpx2.Client]
Scene = Callable[[int, Size], bytes]
SPEC = labelled_demo_spec()
WHOLE = Size(128, 192)


@pytest.fixture
def scene(encode: Callable[..., bytes]) -> Scene:
    """A drawn scene as PNG, by seed and size."""
    return lambda seed, size: encode(draw_scene(seed, size.height, size.width).image)


def _pixels(answer: httpx2.Response) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def _stages(answer: httpx2.Response) -> dict[str, float]:
    entries = (part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    return {name: float(milliseconds) for name, milliseconds in entries}


FROM_LABELS: list[dict[str, str]] = [
    {},
    {"ids": "label"},
    {"mode": "slide"},
    {"format": "index"},
    {"format": "overlay"},
    {"format": "overlay", "edges": "1", "opacity": "1"},
    {"format": "json"},
    {"format": "json", "boxes": "1", "min_pixels": "1"},
    {"format": "npz"},
    {"format": "npz", "content": "labels"},
]
FROM_LOGITS: list[dict[str, str]] = [
    {"format": "confidence"},
    {"format": "npz", "content": "logits"},
    {"flip": "1"},
    {"scales": "0.5"},
    {"mode": "slide", "crop": "64x64"},
]


def test_labels_are_asked_for_where_the_answer_needs_nothing_else(
    gateway: Gateway, encode: Callable[..., bytes]
) -> None:
    engine = FakeEngine(19, labels_at={WHOLE})
    client, without_labels = gateway(engine), gateway(FakeEngine(19))
    picture = encode(np.full((WHOLE.height, WHOLE.width, 3), 7, np.uint8))
    for queries, output in ((FROM_LABELS, "labels"), (FROM_LOGITS, "logits")):
        for query in queries:
            engine.outputs_seen.clear()
            asked = {"mode": "whole"} | query
            answer = client.post("/segment", params=asked, content=picture)
            assert answer.status_code == 200, (query, answer.text)
            assert set(engine.outputs_seen) == {output}, query
            stages = _stages(answer)
            assert (stages["argmax"] == 0) == (output == "labels"), query
            assert stages["engine"] > 0
            if answer.headers["Content-Type"] == "image/png":  # the others hold times
                other = without_labels.post("/segment", params=asked, content=picture)
                assert answer.content == other.content, query


def test_labels_that_cannot_be_right_are_the_engine_s_fault(
    gateway: Gateway, encode: Callable[..., bytes]
) -> None:
    engine = FakeEngine(255, labels_at={WHOLE})
    picture = encode(np.full((WHOLE.height, WHOLE.width, 3), 19, np.uint8))
    answer = gateway(engine).post("/segment", params={"mode": "whole"}, content=picture)
    assert (answer.status_code, answer.json()["code"]) == (502, "bad_engine_output")


@pytest.fixture(scope="module")
def by_onnxruntime(labelled_demo: Path) -> Iterator[Engine]:
    engine = open_engine(SPEC, labelled_graphs(labelled_demo), EngineOptions("onnxruntime"))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def by_triton(labelled_triton: LocalTriton) -> TritonEngine:
    connection = TritonConnection(labelled_triton.addresses.grpc)
    return TritonEngine(connection, served_graphs(connection, SPEC))


class _Recorded:
    """An engine whose calls are noted, and that is not closed with the gateway."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self.asked: set[OutputName] = set()

    def outputs(self, size: Size) -> frozenset[str]:
        return self._engine.outputs(size)

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.asked.add(output)
        return await self._engine.infer(images, output)

    async def close(self) -> None:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("runs_on", ["by_onnxruntime", "by_triton"])
def test_masks_by_labels_are_those_by_logits(
    runs_on: str, gateway: Gateway, scene: Scene, request: pytest.FixtureRequest
) -> None:
    """Of a float16 graph with labels; the logits, as clients get them, are its own."""
    engine = _Recorded(request.getfixturevalue(runs_on))
    client = gateway(model=ServedModel(SPEC, [], lambda: engine))

    def ask(picture: bytes, **query: str) -> httpx2.Response:
        engine.asked.clear()
        answer = client.post("/segment", params={"mode": "whole"} | query, content=picture)
        assert answer.status_code == 200, answer.text
        return answer

    same = []
    for seed in range(3):
        picture = scene(seed, LABELLED)
        mask = _pixels(ask(picture))
        assert engine.asked == {"labels"}
        archive = np.load(io.BytesIO(ask(picture, format="npz", content="logits").content))
        assert engine.asked == {"logits"}
        logits = archive["logits"].astype(np.float32)
        same.append(mask == upsample_argmax(logits, LABELLED, align_corners=False))
    assert np.mean(same) >= 0.9999
    np.testing.assert_array_equal(_pixels(ask(picture, format="index")), mask)
    archive = np.load(io.BytesIO(ask(picture, format="npz").content))
    np.testing.assert_array_equal(archive["labels"], mask)
    assert engine.asked == {"labels"}
    ask(picture, mode="slide", crop="256x256", stride="256x256")
    assert engine.asked == {"logits"}
    ask(scene(0, Size(97, 131)))
    assert engine.asked == {"logits"}


@pytest.mark.slow
def test_a_triton_that_comes_back_without_labels_is_asked_for_logits(
    local_triton_environment: TritonEnvironment,
    labelled_demo: Path,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def whole(client: httpx2.Client) -> dict[str, object]:
        return client.get("/models/demo").json()["graphs"][1]

    def mask(client: httpx2.Client) -> httpx2.Response:
        return client.post("/segment", params={"mode": "whole"}, content=picture)

    picture = scene(0, LABELLED)

    def triton(config_name: str, ports: Ports) -> LocalTriton:
        models = (local_triton_environment, labelled_demo, ["demo"])
        return LocalTriton(*models, config_name=config_name, ports=ports)

    monkeypatch.setattr("server.models.get_spec", lambda _: SPEC)
    with patient_triton(triton("onnx", Ports(0, 0))) as with_labels:
        address = with_labels.addresses.grpc
        settings = Settings(**SETTINGS, triton=address)
        models = open_models(settings, print)
        app = create_app(settings, models)
        with (
            listening(server_config(app, settings)) as url,
            httpx2.Client(base_url=url, timeout=ANSWER) as client,
        ):
            assert whole(client)["outputs"] == ["labels", "logits"]
            assert whole(client)["precision"] == "float16"
            assert _stages(mask(client))["argmax"] == 0
            with_labels.kill()
            with patient_triton(triton("cpu", Ports(int(address.rpartition(":")[2]), 0))):
                wait_until(lambda: whole(client)["outputs"] == ["logits"], seconds=5)
                assert whole(client)["precision"] == "float32"
                answer = mask(client)
                assert answer.status_code == 200, answer.text
                assert _stages(answer)["argmax"] > 0
