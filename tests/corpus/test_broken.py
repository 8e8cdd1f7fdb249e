"""Section A: files that are damaged, or not pictures at all."""

import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from corpus import jpeg, others, webp
from corpus.case import Case, judge
from corpus.png import GREY, SIGNATURE, chunk, header, pixels, png
from ocrnet.scenes import draw_scene

pytestmark = pytest.mark.slow

SCENE = draw_scene(1, 64, 96).image
OTHER = draw_scene(2, 64, 96).image
NOISE = np.random.default_rng(0).integers(0, 256, 65536, dtype=np.uint8).tobytes()
JPEG = jpeg.jpeg(SCENE)
PNG = png(SCENE)
BODY = zlib.compress(pixels(SCENE))
WEBP = webp.webp(SCENE)


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


HEAD = header(96, 64)
DATA = chunk(b"IDAT", BODY)
END = chunk(b"IEND")
FRAME = JPEG.index(b"\xff\xc0")


STREAM = JPEG.index(b"\xff\xda") + 14  # behind the scan's header
RAW = bytearray(pixels(SCENE))
RAW[0] = 9


def _webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


CASES = [
    Case(1, "zero bytes", b"", 422, "empty_image"),
    Case(1, "no body", status=422, code="empty_image", send={"content": b""}),
    Case(2, "no part", status=422, code="missing_image", send={"files": {}, "data": {}, "content":
         b"--b--\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
    Case(2, "a text field", status=415, code="unsupported_media_type",
         send={"files": {"image": (None, "text")}}),
    Case(3, "noise", NOISE, 415, "unsupported_media_type"),
    Case(3, "text", b"just some text\n" * 100, 415, "unsupported_media_type"),
    Case(3, "HTML", b"<!doctype html><script>alert(1)</script>", 415, "unsupported_media_type"),
    *[Case(4, f"JPEG cut at {share:.0%}", _cut(JPEG, share), 422, "truncated_image")
      for share in (0.25, 0.5, 0.99)],
    *[Case(4, f"PNG cut at {share:.0%}", _cut(PNG, share), 422, "truncated_image")
      for share in (0.25, 0.5, 0.99)],
    *[Case(4, f"WebP cut at {share:.0%}", _cut(WEBP, share), 422, "truncated_image")
      for share in (0.25, 0.5, 0.99)],
    Case(4, "JPEG cut, but with an end", _cut(JPEG, 0.5) + jpeg.EOI, 422, "undecodable_image"),
    Case(5, "cut in the frame header", JPEG[: FRAME + 7], 422, "truncated_image"),
    Case(5, "start marker only", jpeg.SOI, 422, "truncated_image"),
    Case(5, "start marker and the next one's first byte", jpeg.SOI + b"\xff", 422,
         "truncated_image"),
    Case(6, "garbage after the end", JPEG + NOISE, shows=_decoded(JPEG)),
    Case(7, "damaged entropy data", jpeg.scrambled(SCENE), 422, "undecodable_image"),
    Case(7, "wrong restart markers", jpeg.swapped_restarts(SCENE), 422, "undecodable_image"),
    Case(7, "1 MB of fill bytes in the entropy data", JPEG[:STREAM] + b"\xff" * 10**6, 422,
         "truncated_image"),
    Case(7, "1 MB of fill bytes, then an end", JPEG[:STREAM] + b"\xff" * 10**6 + b"\0\xff\xd9", 422,
         "undecodable_image"),
    Case(8, "two JPEGs joined", JPEG + jpeg.jpeg(OTHER), shows=_decoded(JPEG)),
    Case(8, "MPO", jpeg.mpo(SCENE, OTHER), shows=_decoded(JPEG), tolerance=0.5),
    Case(9, "wrong checksum in the header",
         SIGNATURE + HEAD[:-1] + bytes([HEAD[-1] ^ 1]) + DATA + END, 422, "undecodable_image"),
    Case(9, "wrong checksum in the pixels", SIGNATURE + HEAD + chunk(b"IDAT", BODY, damage=1)
         + END, 422, "undecodable_image"),
    Case(10, "wrong checksum in an optional chunk",
         png(SCENE, before=chunk(b"tEXt", b"Comment\0hello", damage=1)), shows=SCENE),
    Case(10, "wrong checksum in a profile", png(SCENE, before=chunk(b"iCCP", NOISE, damage=1)),
         shows=SCENE),
    Case(11, "no end chunk", SIGNATURE + HEAD + DATA, 422, "truncated_image"),
    Case(11, "two headers", SIGNATURE + HEAD + HEAD + DATA + END, 422, "undecodable_image"),
    Case(11, "header not first", SIGNATURE + DATA + HEAD + END, 422, "undecodable_image"),
    Case(11, "no pixels", SIGNATURE + HEAD + END, 422, "undecodable_image"),
    Case(12, "more rows than declared", SIGNATURE + header(96, 32) + DATA + END, shows=SCENE[:32]),
    Case(12, "rubbish behind the pixels", png(SCENE, after=chunk(b"IDAT", NOISE)), shows=SCENE),
    Case(9, "wrong Adler checksum", SIGNATURE + HEAD
         + chunk(b"IDAT", BODY[:-1] + bytes([BODY[-1] ^ 1])) + END, 422, "undecodable_image"),
    Case(9, "pixels that do not inflate", SIGNATURE + HEAD + chunk(b"IDAT", b"\0" + BODY[1:]) + END,
         422, "undecodable_image"),
    Case(9, "a filter that there is not", SIGNATURE + HEAD
         + chunk(b"IDAT", zlib.compress(bytes(RAW))) + END, 422, "undecodable_image"),
    Case(12, "fewer rows than declared", SIGNATURE + header(96, 65) + DATA + END, 422,
         "truncated_image"),
    Case(13, "RIFF length too short", webp.with_length(WEBP, -10), 422, "undecodable_image"),
    Case(13, "RIFF length too long", webp.with_length(WEBP, 10), 422, "truncated_image"),
    Case(13, "RIFF length of 4 GB", webp.with_length(WEBP, 2**32 - 9 - len(WEBP)), 422,
         "truncated_image"),
    Case(13, "a second, empty head", _webp(WEBP[12:], b"VP8X" + bytes(4)), 422,
         "undecodable_image"),
    Case(13, "an empty head", _webp(b"VP8X" + bytes(4), WEBP[12:]), 422, "undecodable_image"),
    Case(14, "TIFF in a loop", others.looping_tiff(), 415, "unsupported_media_type"),
    Case(15, "BMP of 40 bits a pixel", others.bmp_40_bits(), 415, "unsupported_media_type"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answer(case: Case, process: Any, good: bytes, expected: np.ndarray) -> None:
    judge(case, process, good, expected)


def test_single_flipped_bytes_never_end_in_an_error_of_ours(process: Any) -> None:
    """Any byte of a JPEG, PNG or WebP changed: served, or refused with a reason."""
    rng = np.random.default_rng(0)
    small = draw_scene(4, 32, 48).image
    statuses = set()
    for whole in (jpeg.jpeg(small), png(small), webp.webp(small), png(small[..., 0], GREY)):
        for at in rng.integers(0, len(whole), 60).tolist():
            data = bytearray(whole)
            data[at] ^= int(rng.integers(1, 256))
            answer = process.client.post("/segment", files={"image": bytes(data)})
            statuses.add(answer.status_code)
            assert answer.status_code in (200, 413, 415, 422), (at, answer.text)
    assert {200, 422} <= statuses
