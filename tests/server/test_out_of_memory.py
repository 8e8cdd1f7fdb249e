"""Where memory is short, the answer is 503 and nothing else is lost."""

import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tritonclient.utils import InferenceServerException

from corpus import address_space, jpeg, webp
from corpus.png import png
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.engines.triton.grpc_errors import translate_error
from ocrnet.errors import EngineError, EngineUnavailable, OutOfMemory
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton
from server.models import ServedModel

pytestmark = pytest.mark.slow

limited = pytest.mark.skipif(not address_space.LIMITED, reason="only Linux limits address space")
SCENE = draw_scene(0, 256, 512).image
_GONE = (FileNotFoundError, ProcessLookupError)  # a thread or process that has ended meanwhile
LARGE = np.tile(SCENE, (1, 31, 1))  # the published resize makes it small for the engine
KINDS: dict[str, Callable[[np.ndarray], bytes]] = {
    "PNG": png,
    "JPEG": jpeg.jpeg,
    "progressive JPEG": lambda image: jpeg.jpeg(image, progressive=True),
    "WebP": lambda image: webp.webp(image, lossless=False, method=0),
    "WebP, lossless": lambda image: webp.webp(image, method=0),
}


def _mask(answer: httpx2.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def _judge(answer: httpx2.Response, seconds: str = "2") -> None:
    assert answer.status_code == 503, answer.headers
    assert answer.json()["code"] == "out_of_memory"
    assert answer.headers["retry-after"] == seconds
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
def process(gateway_process: Callable[..., Any]) -> Any:
    """One for each test: what a request has freed is kept for the next."""
    return gateway_process("--log-format", "json")


@limited
def test_pictures_that_find_too_little_memory(process: Any) -> None:
    files = {kind: encode(LARGE) for kind, encode in KINDS.items()}

    def post(data: bytes, resize: str = "published") -> httpx2.Response:
        query = {"mode": "whole", "resize": resize}
        return process.client.post("/segment", params=query, files={"image": data})

    small = png(SCENE[:64, :96])
    expected = _mask(post(small, "none"))
    refused = {}
    for kind, data in files.items():
        with address_space.little_left(process.pid, 4 * address_space.MIB):
            refused[kind] = post(data)
            assert process.client.get("/health/live").status_code == 200
        _judge(refused[kind])
        assert 'ocrnet_requests_held{stage="in work"} 0.0' in process.client.get("/metrics").text
    np.testing.assert_array_equal(_mask(post(small, "none")), expected)
    masks = {kind: _mask(post(data)) for kind, data in files.items()}
    assert {mask.shape for mask in masks.values()} == {LARGE.shape[:2]}
    np.testing.assert_array_equal(masks["PNG"], masks["WebP, lossless"])
    lines = [json.loads(line) for line in process.log.read_text().splitlines()]
    for answer in refused.values():
        (line,) = (one for one in lines if one.get("request_id") == answer.headers["x-request-id"])
        assert (line["status"], line["code"]) == (503, "out_of_memory")


@limited
def test_a_run_that_finds_too_little_memory(process: Any) -> None:
    # Of a size that no graph is made for: memory of those is taken before.
    small, large = png(SCENE), png(np.tile(SCENE, (3, 2, 1)))

    def post(data: bytes) -> httpx2.Response:
        return process.client.post("/segment", params={"mode": "whole"}, files={"image": data})

    expected = _mask(post(small))
    with address_space.little_left(process.pid, 15 * address_space.MIB):
        refused = post(large)
    _judge(refused)
    np.testing.assert_array_equal(_mask(post(small)), expected)
    assert _mask(post(large)).shape == (768, 1024)


class _Short(FakeEngine):
    """Finds no memory once."""

    def __init__(self, error: Exception) -> None:
        super().__init__(19)
        self.errors = [error]

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        if self.errors:
            raise self.errors.pop()
        return await super().infer(images, output)


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemory(), MemoryError("Unable to allocate")])
def test_an_engine_that_says_so(gateway: Callable[..., httpx2.Client], error: Exception) -> None:
    client = gateway(_Short(error), max_requests=1, retry_after=7)
    for query in ({"mode": "whole"}, {"crop": "64x64", "stride": "64x64"}):
        data = png(SCENE[:128, :128])
        answer = client.post("/segment", params=query, files={"image": data})
        if query.get("mode"):
            _judge(answer, "7")
            refusals = 'ocrnet_refusals_total{code="out_of_memory"} 1.0'
            assert refusals in client.get("/metrics").text
        else:
            _mask(answer)


def test_a_model_that_finds_no_memory_is_loaded_by_the_next_request(
    gateway: Callable[..., httpx2.Client],
) -> None:
    spec = get_spec("demo")
    errors: Iterator[Exception] = iter([MemoryError(), RuntimeError("can't start new thread")])

    def opener() -> FakeEngine:
        for error in errors:
            raise error
        return FakeEngine(spec.classes)

    client = gateway(model=ServedModel(spec, [], opener))
    data = png(SCENE[:64, :64])
    for _ in range(2):
        _judge(client.post("/segment", files={"image": data}))
    _mask(client.post("/segment", files={"image": data}))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        ("StatusCode.INTERNAL", "onnx runtime error 6: Failed to allocate memory", OutOfMemory),
        ("StatusCode.INTERNAL", "CUDA error: out of memory", OutOfMemory),
        ("StatusCode.INTERNAL", "unexpected shape for input 'image'", EngineError),
        ("StatusCode.UNAVAILABLE", "Resource temporarily unavailable", EngineUnavailable),
    ],
)
def test_what_triton_says_of_its_memory(status: str, message: str, kind: type[Exception]) -> None:
    ours = translate_error(InferenceServerException(message, status), "127.0.0.1:1", None)
    assert type(ours) is kind


@limited
def test_a_triton_that_finds_too_little_memory(
    demo_triton: LocalTriton, gateway_process: Callable[..., Any]
) -> None:
    behind = gateway_process("--triton", demo_triton.addresses.grpc)
    models = [pid for pid in _children(os.getpid()) if b"triton_python_backend" in _command(pid)]
    assert models

    def post(data: bytes) -> httpx2.Response:
        return behind.client.post("/segment", params={"mode": "whole"}, files={"image": data})

    expected = _mask(post(png(SCENE)))
    with ExitStack() as limits:
        for pid in models:
            limits.enter_context(address_space.little_left(pid, 80 * address_space.MIB))
        refused = post(png(np.tile(SCENE, (4, 4, 1))))
    _judge(refused)
    np.testing.assert_array_equal(_mask(post(png(SCENE))), expected)


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(*_GONE):
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _children(child)


def _command(pid: int) -> bytes:
    with suppress(*_GONE):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
