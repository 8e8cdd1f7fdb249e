"""Section B: small files that mean a lot of work, sizes at their limits, other formats."""

import gzip
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image

from corpus import exif, jpeg, others, vp8l, webp
from corpus.case import Case, judge, mask_of
from corpus.png import GREY, SIGNATURE, chunk, header, one_colour, png, zeros
from ocrnet.images import ImageLimits, inspect_image
from ocrnet.scenes import draw_scene

pytestmark = pytest.mark.slow

SCENE = draw_scene(1, 64, 96).image
END = chunk(b"IEND")
UNSUPPORTED = (415, "unsupported_media_type")
TOO_MANY = (413, "too_many_pixels")
DAMAGED = (422, "undecodable_image")


def _declared(width: int, height: int) -> bytes:
    """A PNG that says so in its header, with 1 KB of pixels."""
    return SIGNATURE + header(width, height) + chunk(b"IDAT", zeros(1_000_000)) + END


def _profile(length: int) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zeros(length))


def _text(kind: bytes, length: int) -> bytes:
    between = b"\1\0en\0\0" if kind == b"iTXt" else b"\0"
    return chunk(kind, b"Comment\0" + between + zeros(length))


def _encoded(encoding: str, body: bytes) -> Case:
    headers = {"content-encoding": encoding, "content-type": "image/png"}
    return Case(30, encoding, b"", 415, "unsupported_encoding",
                send={"content": body, "headers": headers},
                named={"accept-encoding": "identity"})  # fmt: skip


def _zstd(length: int) -> bytes:
    """A Zstandard frame of blocks that say "128 KiB of zeros" in 4 bytes each."""
    block = struct.pack("<I", 2**17 << 3 | 1 << 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * (length // 2**17)


GIB = 2**30
APNG = chunk(b"acTL", struct.pack(">II", 2, 0))
BOMBS = [
    Case(16, "50 000 square of one colour", one_colour(50_000), *TOO_MANY),
    Case(17, "2^31 - 1 square", _declared(2**31 - 1, 2**31 - 1), *TOO_MANY),
    Case(18, "a product past 32 bits", _declared(65_536, 65_537), *TOO_MANY),
    Case(18, "a product past 62 bits", _declared(2**31 - 1, 2**31 - 2), *TOO_MANY),
    Case(19, "JPEG header of 65 535 square", jpeg.frame_only(65_535, 65_535), *TOO_MANY),
    Case(19, "WebP header of 16 777 216 square", webp.header_only(2**24, 2**24), *TOO_MANY),
    Case(22, "zTXt of 1 GiB", png(SCENE, before=_text(b"zTXt", GIB)), *DAMAGED),
    Case(22, "iTXt of 1 GiB", png(SCENE, before=_text(b"iTXt", GIB)), *DAMAGED),
    Case(22, "zTXt of 1 GiB behind the pixels", png(SCENE, after=_text(b"zTXt", GIB)), *DAMAGED),
    Case(22, "2000 texts of 1 MiB", png(SCENE, before=_text(b"zTXt", 2**20) * 2000), *DAMAGED),
    Case(23, "profile of 1 GiB", png(SCENE, before=_profile(GIB)), *DAMAGED),
    Case(24, "100 000 chunks", png(SCENE, before=chunk(b"tEXt", b"a\0b") * 100_000), *DAMAGED),
    Case(24, "100 000 markers",
         jpeg.with_segments(jpeg.jpeg(SCENE), jpeg.segment(0xFE, b"x") * 100_000), *DAMAGED),
    Case(24, "25 EXIF blocks of 4000 entries",
         png(SCENE, before=chunk(b"eXIf", exif.tiff(*[(1, 3, 1, 0)] * 4000)) * 25), shows=SCENE),
    Case(24, "1 MB of fill bytes in a JPEG",
         jpeg.jpeg(SCENE)[:-2] + b"\xff" * 10**6 + jpeg.EOI,
         shows=np.asarray(Image.open(BytesIO(jpeg.jpeg(SCENE))))),
    Case(12, "1 GiB more pixels than declared",
         SIGNATURE + header(96, 64) + chunk(b"IDAT", zeros(GIB)) + END, shows=SCENE * 0),
    Case(25, "200 scans of 6 million pixels",
         jpeg.many_scans(np.zeros((2000, 3000), np.uint8), 200), 422, "too_many_scans"),
    Case(26, "a large progressive JPEG",
         jpeg.jpeg(np.zeros((2000, 3000, 3), np.uint8), progressive=True), query={"dry_run": "1"}),
    Case(25, "300 scans", jpeg.many_scans(SCENE, 300), 422, "too_many_scans"),
    Case(27, "GIF of 10 000 frames", others.animated_gif(10_000), *UNSUPPORTED),
    Case(28, "animated PNG", png(SCENE, before=APNG), 422, "animated_image"),
    Case(28, "animated WebP", webp.animated([SCENE, SCENE[::-1]]), 422, "animated_image"),
    Case(29, "TIFF of 1000 pages", others.pages_tiff(1000), *UNSUPPORTED),
    _encoded("gzip", gzip.compress(bytes(10_000_000))),
    _encoded("deflate", zeros(10 * GIB)),
    _encoded("br", bytes(range(256)) * 40),
    _encoded("zstd", _zstd(10 * GIB)),
    _encoded("gzip, gzip", gzip.compress(gzip.compress(bytes(10_000_000)))),
]  # fmt: skip
EXIF = exif.tiff(*[(0x010F, 2, 100_000, 8)] * 60_000) + bytes(100_000)
OTHERS = [
    Case(
        24,
        "60 000 texts of 100 KB in the EXIF of a WebP",
        webp.extended(96, 64, ("VP8L", webp.body(webp.webp(SCENE), "VP8L")), ("EXIF", EXIF)),
        shows=SCENE,
    ),
    Case(
        26,
        "WebP with 65 536 groups of prefix codes",
        vp8l.Lossless(1024, 1024, 65_536).file,
        query={"dry_run": "1"},
    ),
    Case(21, "PNG of width 0", _declared(0, 5), *DAMAGED),
    Case(21, "PNG of height 0", _declared(5, 0), *DAMAGED),
    Case(21, "JPEG of width 0", jpeg.frame_only(0, 5), *DAMAGED),
    Case(21, "JPEG of height 0", jpeg.frame_only(5, 0), *DAMAGED),
    *[Case(31, kind, data, *UNSUPPORTED) for kind, data in others.FOREIGN.items()],
    *[Case(33, kind, data, *UNSUPPORTED) for kind, data in others.CONTAINERS.items()],
]


@pytest.mark.parametrize("case", [*BOMBS, *OTHERS], ids=str)
def test_answer(case: Case, process: Any, good: bytes, expected: np.ndarray) -> None:
    judge(case, process, good, expected)


# Thorough: others of their row take less. Every case is sent once in `test_answer`.
_LONG = {
    "2000 texts of 1 MiB",
    "100 000 chunks",
    "25 EXIF blocks of 4000 entries",
    "1 MB of fill bytes in a JPEG",
    "1 GiB more pixels than declared",
    "iTXt of 1 GiB",
    "zTXt of 1 GiB behind the pixels",
}
_HUNDREDS = [
    pytest.param(case, marks=pytest.mark.thorough if case.name in _LONG else (), id=str(case))
    for case in BOMBS
]
assert sum(case.name in _LONG for case in BOMBS) == len(_LONG)


@pytest.mark.parametrize("case", _HUNDREDS)
def test_memory_is_back_after_a_hundred(
    case: Case, process: Any, good: bytes, expected: np.ndarray
) -> None:
    for _ in range(5):
        case.post(process.client)
    # The allocator's own pools may still grow a little in the first hundred; what leaks grows in
    # every hundred.
    growths = []
    for _ in range(3):
        before = process.resident_bytes()
        for turn in range(100):
            assert case.post(process.client).status_code == case.status
            if turn == 50:
                np.testing.assert_array_equal(mask_of(process.client, good), expected)
        growths.append(process.resident_bytes() - before)
        if growths[-1] <= 2**20:
            break
    assert growths[-1] <= 2**20, growths
    np.testing.assert_array_equal(mask_of(process.client, good), expected)


@pytest.fixture(scope="module")
def small(gateway_process: Callable[..., Any]) -> httpx2.Client:
    """A gateway that takes 6144 pixels and sides of 200."""
    return gateway_process("--max-pixels", "6144", "--max-side", "200").client


@pytest.mark.parametrize(
    ("height", "width", "code"),
    [
        (64, 96, ""),
        (65, 96, "too_many_pixels"),
        (83, 75, "too_many_pixels"),
        (1, 200, ""),
        (200, 1, ""),
        (1, 201, "side_too_long"),
        (201, 1, "side_too_long"),
    ],
)
def test_limits_are_exact(small: httpx2.Client, height: int, width: int, code: str) -> None:
    """Row 20, in every format."""
    black = np.zeros((height, width, 3), np.uint8)
    for data in (png(black), jpeg.jpeg(black), webp.webp(black)):
        answer = small.post("/segment", files={"image": data})
        assert answer.status_code == (413 if code else 200)
        assert not code or answer.json()["code"] == code


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (10_000, 5_000, ""),
        (10_001, 5_000, "too_many_pixels"),
        (16_384, 1, ""),
        (1, 16_385, "side_too_long"),
    ],
)
def test_limits_by_default(process: Any, width: int, height: int, code: str) -> None:
    """Row 20: 50 million pixels and 16 384 a side, not one more."""
    rows = zeros((width // 8 + (width % 8 > 0) + 1) * height)
    data = SIGNATURE + header(width, height, 1, GREY) + chunk(b"IDAT", rows) + END
    answer = process.client.post("/segment", params={"dry_run": "1"}, files={"image": data})
    assert answer.status_code == (413 if code else 200), answer.text
    assert answer.json().get("code", "") == code
    if not code:
        assert answer.json()["allowed"]


def test_coefficients_of_progressive_pictures_count(gateway: Callable[..., httpx2.Client]) -> None:
    """Row 26: ten large ones at once; those that would not fit into memory wait outside."""
    grey = np.zeros((2000, 3000, 3), np.uint8)
    plain, progressive = (jpeg.jpeg(grey, progressive=flag) for flag in (False, True))
    limits = ImageLimits()
    more = inspect_image(progressive, limits).decode_bytes
    more -= inspect_image(plain, limits).decode_bytes
    assert more > 5.9 * 2000 * 3000  # 16 bits for each of three components
    client = gateway(max_requests=10, max_work_bytes=150_000_000)
    answers: list[httpx2.Response] = []

    def post() -> None:
        answers.append(client.post("/segment", files={"image": progressive}))

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all("bytes" in answer.json()["detail"] for answer in refused)
    assert client.post("/segment", files={"image": progressive}).status_code == 200


def test_an_svg_reaches_nobody(process: Any) -> None:
    """Row 32: nothing that it names is fetched."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/secret"
        for data in (others.svg(address), others.svg("http://169.254.169.254/latest")):
            answer = process.client.post("/segment", files={"image": data})
            assert (answer.status_code, answer.json()["code"]) == UNSUPPORTED
            assert "secret" not in answer.text
        listener.settimeout(0.3)  # short on purpose: nobody comes
        with pytest.raises(TimeoutError):
            listener.accept()


def test_decoders_of_other_formats_are_not_even_there(root: Any) -> None:
    """Row 31: what decodes pictures brings in none of Pillow's plug-ins."""
    import subprocess
    import sys

    code = (
        "import sys, json; from ocrnet.images import *\n"
        "for data in json.loads(sys.stdin.read()):\n"
        "    try: inspect_image(bytes.fromhex(data), ImageLimits())\n"
        "    except Exception as error: assert 'JPEG, PNG or WebP' in str(error), error\n"
        "print([name for name in sys.modules if name.startswith('PIL')])"
    )
    files = json.dumps([data.hex() for data in others.FOREIGN.values()])
    done = subprocess.run(
        [sys.executable, "-c", code], input=files, cwd=root, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_crc_of_the_whole(process: Any) -> None:
    """A good picture whose one chunk is split in many small ones is no bomb."""
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in SCENE))
    parts = b"".join(chunk(b"IDAT", body[at : at + 50]) for at in range(0, len(body), 50))
    data = SIGNATURE + header(96, 64) + parts + END
    np.testing.assert_array_equal(
        mask_of(process.client, data), mask_of(process.client, png(SCENE))
    )
