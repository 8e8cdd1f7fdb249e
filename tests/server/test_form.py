"""The part named `image` is the image, whatever else its client says about it."""

import asyncio
import codecs
import subprocess
import tracemalloc
from collections.abc import AsyncGenerator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from PIL import Image
from python_multipart.multipart import MultipartParser

from corpus.forms import BODIES, BOUNDARY, END, PART, REFUSED
from ocrnet.errors import OcrnetError
from server import turns
from server.form import read_form
from server.turns import FormTime
from tests.patience import patience


@pytest.fixture(scope="module")
def client(gateway_process: Callable[..., Any]) -> httpx2.Client:
    return gateway_process("--max-bytes", "100000").client


@pytest.fixture(scope="module")
def png(encode: Callable[..., bytes]) -> bytes:
    """Far more than the 4 KiB that a text field may have elsewhere."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    return encode(noise)


@pytest.fixture(scope="module")
def expected(client: httpx2.Client, png: bytes) -> NDArray[np.uint8]:
    return _mask(client.post("/segment", content=png, headers={"content-type": "image/png"}))


def _mask(answer: httpx2.Response) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)))


def _post(client: httpx2.Client, body: bytes, content_type: str = BOUNDARY) -> httpx2.Response:
    return client.post("/segment", content=body, headers={"content-type": content_type})


@pytest.mark.parametrize("name", BODIES)
def test_forms_as_clients_write_them(
    client: httpx2.Client, png: bytes, expected: NDArray[np.uint8], name: str
) -> None:
    content_type, build = BODIES[name]
    np.testing.assert_array_equal(_mask(_post(client, build(png), content_type)), expected)


@pytest.mark.parametrize("more", ["", ";type=text/plain", ";filename=", ";encoder=8bit"])
@pytest.mark.parametrize("sign", ["<", "@"])
def test_curl(
    client: httpx2.Client,
    png: bytes,
    expected: NDArray[np.uint8],
    needed: Callable[[str], str],
    tmp_path: Path,
    sign: str,
    more: str,
) -> None:
    answer = _curl(needed("curl"), client, tmp_path, png, f"image={sign}{{}}{more}")
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(answer))), expected)


@pytest.mark.parametrize("encoder", ["base64", "quoted-printable"])
def test_curl_with_an_encoding_is_refused_by_its_name(
    client: httpx2.Client, png: bytes, needed: Callable[[str], str], tmp_path: Path, encoder: str
) -> None:
    answer = _curl(needed("curl"), client, tmp_path, png, f"image=@{{}};encoder={encoder}")
    assert b'"bad_multipart"' in answer
    assert encoder.encode() in answer


def _curl(curl: str, client: httpx2.Client, folder: Path, data: bytes, option: str) -> bytes:
    file = folder / "street.png"
    file.write_bytes(data)
    command = [curl, "-s", "-F", option.format(file), f"{client.base_url}/segment"]
    return subprocess.run(command, capture_output=True, check=True, timeout=patience(6)).stdout


@pytest.mark.parametrize("part", [(None, None), ("straße.png", "image/png"), ("", "text/plain")])
def test_requests(
    client: httpx2.Client,
    png: bytes,
    expected: NDArray[np.uint8],
    part: tuple[str | None, str | None],
) -> None:
    file = (part[0], png, part[1]) if part[1] else (part[0], png)
    answer = requests.post(f"{client.base_url}/segment", files={"image": file}, timeout=patience(6))
    assert answer.status_code == 200, answer.text
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(answer.content))), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_how(client: httpx2.Client, name: str) -> None:
    body, content_type, status, code, shown = REFUSED[name]
    answer = _post(client, body, content_type)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert shown in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 200  # nothing is cut off


def test_python_is_not_asked_for_a_charset_by_its_client(gateway: Callable[..., Any]) -> None:
    """It would remember each name, known or not, as long as the process runs."""
    asked: list[str] = []

    def search(name: str) -> None:
        asked.append(name)

    codecs.register(search)
    try:
        client = gateway()
        for number in range(20):
            name = f"x{number}" + "y" * 900
            answer = _post(client, PART + b"x" + END, f"{BOUNDARY}; charset={name}")
            assert answer.json()["code"] == "unsupported_media_type"
            body = PART.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=%s\r\n\r\n")
            answer = _post(client, body % name.encode() + b"x" + END)
            assert answer.json()["code"] == "unsupported_media_type"
    finally:
        codecs.unregister(search)
    assert not [name for name in asked if name.startswith("x")]


def _read(pieces: list[bytes], max_bytes: int = 2**30) -> bytes:
    async def stream() -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece

    return asyncio.run(read_form(BOUNDARY, stream(), max_bytes, (), FormTime()))


def test_a_form_may_arrive_in_any_pieces(png: bytes) -> None:
    body = PART + png + END
    for size in (1, 2, 3, 7, 4096, 4097, len(body)):
        assert _read([body[at : at + size] for at in range(0, len(body), size)]) == png


@pytest.mark.parametrize("name", ["the boundary inside of the image", "a tab behind the boundary"])
def test_hostile_boundaries_are_found_in_any_pieces(name: str) -> None:
    body, *_, shown = REFUSED[name]
    shown = shown.replace("21 times", "17 times")  # it does not look further
    for size in (1, 5, 40):
        with pytest.raises(OcrnetError, match=shown):
            _read([body[at : at + size] for at in range(0, len(body), size)])


def test_exactly_the_limit_is_allowed() -> None:
    assert len(_read([PART, bytes(1000), END], 1000)) == 1000
    with pytest.raises(OcrnetError, match="1001 bytes"):
        _read([PART, bytes(1001), END], 1000)


def test_the_image_is_held_once() -> None:
    size = 16 * 2**20
    piece = bytes(64 * 1024)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield PART
        for _ in range(size // len(piece)):
            yield piece
        yield END

    async def measure() -> tuple[int, int, int]:  # inside: asyncio.run itself writes a result out
        tracemalloc.start()
        data = await read_form(BOUNDARY, stream(), size, (), FormTime())
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return len(data), held, peak

    length, held, peak = asyncio.run(measure())
    assert length == size
    assert held < 1.05 * size
    assert peak < 1.25 * size


@pytest.mark.parametrize(
    "hostile",
    [b"x" * 2**18, b"\r" * 2**18, b"\r\n--" * 2**16],
)
def test_the_event_loop_goes_on_while_a_large_piece_is_parsed(
    monkeypatch: pytest.MonkeyPatch, hostile: bytes
) -> None:
    """As if no slice were parsed in time."""
    monkeypatch.setattr(turns, "FORM_SECONDS", 0.0)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield PART + hostile

    async def count_turns() -> int:
        count = 0
        reading = asyncio.create_task(read_form(BOUNDARY, stream(), 2**30, (), FormTime()))
        while not reading.done():
            count += 1
            await asyncio.sleep(0)
        with pytest.raises(OcrnetError, match="no closing boundary"):
            reading.result()
        return count

    assert asyncio.run(count_turns()) >= len(hostile) // (4 * 1024)


def test_forms_share_the_time_of_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight forms at once: as if each slice used the time up, one slice is parsed in a turn."""
    monkeypatch.setattr(turns, "FORM_SECONDS", 0.0)
    parsed: list[MultipartParser] = []  # of each slice
    per_turn: list[int] = []
    write = MultipartParser.write

    def count(parser: MultipartParser, data: bytes) -> int:
        parsed.append(parser)
        return write(parser, data)

    monkeypatch.setattr(MultipartParser, "write", count)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield PART + bytes(2**14)
        for _ in range(8):
            yield bytes(1000)
        yield END

    async def read() -> None:
        form_time = FormTime()
        reading = asyncio.gather(
            *(read_form(BOUNDARY, stream(), 2**30, (), form_time) for _ in range(8))
        )
        while not reading.done():
            before = len(parsed)
            await asyncio.sleep(0)
            per_turn.append(len(parsed) - before)
        assert [len(data) for data in reading.result()] == [2**14 + 8000] * 8

    asyncio.run(read())
    assert max(per_turn) == 1
    assert len(parsed) == 8 * 14
    for at in range(8, len(parsed), 8):  # none is far ahead of another
        counts = [parsed[:at].count(parser) for parser in set(parsed)]
        assert max(counts) - min(counts) <= 2
