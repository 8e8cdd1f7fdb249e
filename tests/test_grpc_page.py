"""docs/grpc.md as its reader has it: the example, run with Triton's own client against Triton."""

import asyncio
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tritonclient.grpc.aio import InferenceServerClient

from ocrnet.artefacts import find_graphs
from ocrnet.engines import open_engine
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton
from tests.patience import patience

SPEC = get_spec("demo")
pytestmark = pytest.mark.slow
Logits = NDArray[np.generic]


@pytest.fixture(scope="module")
def example(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = (root / "docs" / "grpc.md").read_text(encoding="utf-8")
    (code,) = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    file = tmp_path_factory.mktemp("example") / "example.py"
    file.write_text(code, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """(1024, 2048, 3), RGB."""
    return draw_scene(3, 1024, 2048).image


@pytest.fixture(scope="module")
def in_process(root: Path) -> Iterator[Callable[[NDArray[np.uint8]], Logits]]:
    """The logits (classes, H/4, W/4) of an image, without Triton."""
    engine = open_engine(SPEC, find_graphs(root / "model_repository", SPEC))
    yield lambda image: asyncio.run(engine.infer(image[None], "logits"))[0]
    asyncio.run(engine.close())


def test_its_imports_are_none_of_ours(example: Path) -> None:
    lines = example.read_text(encoding="utf-8").splitlines()
    modules = {
        line.split()[1].split(".")[0] for line in lines if line.startswith(("import", "from"))
    }
    assert modules == {"asyncio", "sys", "numpy", "PIL", "tritonclient"}


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("window", np.s_[336:848, 680:1704]),
        pytest.param("whole", np.s_[:, :], marks=pytest.mark.thorough),
        ("dynamic", np.s_[5:138, 9:210]),
    ],
)
def test_its_call_answers_with_the_right_logits(
    example: Path,
    picture: NDArray[np.uint8],
    in_process: Callable[[NDArray[np.uint8]], Logits],
    demo_triton: LocalTriton,
    kind: str,
    place: Any,
) -> None:
    logits_of = runpy.run_path(str(example))["logits_of"]
    image = np.ascontiguousarray(picture[place])

    async def ask() -> Logits:
        async with InferenceServerClient(demo_triton.addresses.grpc) as client:
            logits: Logits = await logits_of(client, f"demo_{kind}", image)
            return logits

    found, expected = asyncio.run(ask()), in_process(image)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("tops", "lefts", "size"),
    [
        ("(0,)", "(0, 680)", (512, 1704)),
        pytest.param("(0, 336, 512)", "(0, 680, 1024)", (1024, 2048), marks=pytest.mark.thorough),
    ],
    ids=["two windows", "as it stands"],
)
def test_as_a_command_it_writes_the_mask(
    tops: str,
    lefts: str,
    size: tuple[int, int],
    example: Path,
    picture: NDArray[np.uint8],
    in_process: Callable[[NDArray[np.uint8]], Logits],
    demo_triton: LocalTriton,
    tmp_path: Path,
) -> None:
    code = example.read_text(encoding="utf-8")
    script = tmp_path / "example.py"
    script.write_text(code.replace("(0, 336, 512), (0, 680, 1024)", f"{tops}, {lefts}"))
    height, width = size
    Image.fromarray(picture[:height, :width]).save(tmp_path / "picture.png")
    command = [sys.executable, str(script), demo_triton.addresses.grpc, "demo", "picture.png"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=patience(12))
    mask = np.asarray(Image.open(tmp_path / "mask_quarter.png"))
    # A corner of the picture lies in one window alone.
    corner = in_process(np.ascontiguousarray(picture[:512, :1024])).argmax(0)[:80, :160]
    assert mask.shape == (height // 4, width // 4)
    assert (mask[:80, :160] == corner).mean() > 0.999
