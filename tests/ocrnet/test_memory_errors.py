"""What a library says where memory is short is told as that, never as damage."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from corpus import address_space, jpeg, webp
from corpus.png import PALETTE, RGB, chunk, png
from ocrnet.errors import OutOfMemory
from ocrnet.memory_errors import memory_errors, says_out_of_memory

pytestmark = pytest.mark.slow

limited = pytest.mark.skipif(not address_space.LIMITED, reason="only Linux limits address space")

KINDS: dict[str, Callable[[np.ndarray], bytes]] = {
    "JPEG": jpeg.jpeg,
    "progressive JPEG": lambda image: jpeg.jpeg(image, progressive=True),
    "PNG": png,
    "PNG, 16 bits, interlaced": lambda i: png(i.astype(int) * 257, RGB, 16, interlaced=True),
    "PNG, palette": lambda i: png(i[..., 0] % 4, PALETTE, before=chunk(b"PLTE", bytes(range(12)))),
    "WebP": lambda image: webp.webp(image, lossless=False),
    "WebP, lossless": lambda image: webp.webp(image, method=0),
    "WebP, lossless, alpha": lambda image: webp.webp(
        np.concatenate([image, image[..., :1]], axis=2), method=0
    ),
}

_DECODE = """
import hashlib, json, os
from pathlib import Path
from corpus.address_space import MIB, little_left
from ocrnet.errors import OutOfMemory
from ocrnet.images import ImageLimits, decode_image, inspect_image

def decoded(data):
    image = decode_image(inspect_image(data, ImageLimits()))
    return hashlib.sha256(image).hexdigest()

small, large = (Path(name).read_bytes() for name in sys.argv[1:])
decoded(small)
told = []
for more in range(0, 25 * MIB, MIB + MIB // 2):
    with little_left(os.getpid(), more):
        try:
            decoded(large)
        except Exception as error:
            told.append(f"{type(error).__name__}: {error}")
print(json.dumps({"told": sorted(set(told)), "then": decoded(large)}))
"""


@limited
@pytest.mark.parametrize("kind", KINDS)
def test_too_little_memory_for_a_picture_is_no_damage(kind: str, tmp_path: Path) -> None:
    y, x = np.mgrid[:1500, :2000]
    image = np.stack([x // 9, y // 7, (x + y) // 15], axis=2).astype(np.uint8)
    for name, part in (("small", image[:16, :16]), ("large", image)):
        (tmp_path / name).write_bytes(KINDS[kind](np.ascontiguousarray(part)))
    files = [str(tmp_path / name) for name in ("small", "large")]
    found = json.loads(address_space.python(_DECODE, *files))
    assert found["told"] == [f"OutOfMemory: {OutOfMemory()}"]
    alone = address_space.python(_DECODE.replace("range(0,", "range(24 * MIB,"), *files)
    assert found["then"] == json.loads(alone)["then"]


_ANSWER = """
import asyncio, json, os
from pathlib import Path
from corpus.address_space import MIB, little_left
from ocrnet.engines.fake import FakeEngine
from ocrnet.formats import AnswerOptions
from ocrnet.inference.options import SegmentOptions
from ocrnet.images import ImageLimits, inspect_image
from ocrnet.pipeline import make_job, run_job
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec

small, large = (
    inspect_image(Path(name).read_bytes(), ImageLimits()) for name in sys.argv[1:]
)
spec = get_spec("demo")
jobs = [
    (SegmentOptions(crop=Size(256, 256), blend="gaussian"), AnswerOptions("overlay", edges=True)),
    (SegmentOptions(mode="whole", scales=(1.0, 1.25), flip=True), AnswerOptions("confidence")),
    (SegmentOptions(mode="whole"), AnswerOptions("json", boxes=True)),
    (SegmentOptions(mode="whole", resize="published"), AnswerOptions("npz", content="logits")),
]

async def run(header, options, answer):
    job = make_job(header, spec, options, answer)
    return await run_job(job, FakeEngine(spec.classes), Timings())

async def main():
    told, lengths = [], []
    for options, answer in jobs:
        await run(small, options, answer)
        for more in (2, 12, 25, 50):
            with little_left(os.getpid(), more * MIB):
                try:
                    await run(large, options, answer)
                except Exception as error:
                    told.append(type(error).__name__)
        lengths.append(len(await run(large, options, answer)))
    print(json.dumps({"told": sorted(set(told)), "lengths": lengths}))

asyncio.run(main())
"""


@limited
def test_too_little_memory_for_any_stage_is_told_as_that(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    for name, part in (("small", image), ("large", image.repeat(12, 0).repeat(12, 1))):
        (tmp_path / name).write_bytes(png(part))
    found = json.loads(
        address_space.python(_ANSWER, str(tmp_path / "small"), str(tmp_path / "large"))
    )
    assert found["told"] == ["OutOfMemory"]
    assert all(length > 1000 for length in found["lengths"])


# As they were met.
MEMORY = [
    "std::bad_alloc",
    "Exception from src/core/src/runtime/allocator.cpp:79:\nstd::bad_alloc\n",
    "Check 'ptr' failed at src/plugins/intel_cpu/src/cpu_memory.cpp:257:\n"
    "Failed to allocate 6291456 bytes of memory",
    "Exception from src/inference/src/dev/plugin.cpp:54:\ncan't alloc\n",
    "Exception from src/inference/src/dev/plugin.cpp:54:\nResource temporarily unavailable\n",
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Conv node. "
    "AllocateRawInternal Failed to allocate memory for requested buffer of size 134217728",
    "CUDA failure 2: out of memory",
    "BFCArena::AllocateRawInternal Available memory of 34699008 is smaller than requested bytes of "
    "945041920",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "Insufficient memory (case 4)",
    "tj3Decompress8(): Memory allocation failure",
    "OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 36000000 bytes",
    "out of memory error when writing image file",
    "Error -4 while decompressing data",
    "can't start new thread",
]
OTHER = [
    "Error -3 while decompressing data: invalid distance too far back",
    "broken data stream when reading image file",
    "Corrupt JPEG data: premature end of data segment",
    "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: image",
    "OpenCV(5.0.0) resize.cpp:4152: error: (-215:Assertion failed) !ssize.empty()",
    "Deadline Exceeded",
]


@pytest.mark.parametrize("message", MEMORY)
def test_messages_about_memory(message: str) -> None:
    assert says_out_of_memory(message)
    with pytest.raises(OutOfMemory), memory_errors():
        raise RuntimeError(message)


@pytest.mark.parametrize("message", OTHER)
def test_other_messages(message: str) -> None:
    assert not says_out_of_memory(message)
    with pytest.raises(RuntimeError), memory_errors():
        raise RuntimeError(message)


def test_errors_of_the_system_count_by_their_number() -> None:
    with pytest.raises(OutOfMemory), memory_errors():
        raise OSError(12, "Cannot allocate memory")
    with pytest.raises(BlockingIOError), memory_errors():
        raise BlockingIOError(11, "Resource temporarily unavailable")
    with pytest.raises(OutOfMemory), memory_errors():
        np.empty(2**62, np.uint8)
