"""Polygraphy names the layer that leaves float16's range, as docs/finding-a-layer.md does it."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from polygraphy.json import save_json
from safetensors.numpy import load_file, save_file

from export.graphs.fp16 import to_fp16, with_visible_rounding
from export.graphs.source import DEMO_WEIGHTS, Source
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec
from tests.patience import patience

pytestmark = pytest.mark.slow

BLOCK = "decode_head.1.object_context_block"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with queries so large that only float32 can hold them."""
    folder = tmp_path_factory.mktemp("look")
    weights = load_file(DEMO_WEIGHTS)
    weights = {name: value.astype("float32") for name, value in weights.items() if value.ndim}
    for part in ("weight", "bias"):  # shared, so that no weight is past the range itself
        weights[f"{BLOCK}.query_project.0.bn.{part}"] *= 2.0**7
        weights[f"{BLOCK}.query_project.1.bn.{part}"] *= 2.0**11
    save_file(weights, folder / "large.safetensors")
    source = Source(get_spec("demo"), str(folder / "large.safetensors"))
    fp16 = to_fp16(source.plain_graph("dynamic"))
    onnx.save(with_visible_rounding(fp16), folder / "rounded.onnx")
    save_json([{"image": draw_scene(1, 96, 192).image[None]}], str(folder / "picture.json"))
    return folder


def _polygraphy(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("polygraphy")), "run", "rounded.onnx", "--onnxrt"]
    done = subprocess.run(
        [*command, "--load-inputs", "picture.json", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(30),
    )
    return done.returncode, done.stdout + done.stderr


def test_the_first_tensor_past_the_range_is_named(folder: Path) -> None:
    status, said = _polygraphy(folder, "--onnx-outputs", "*/half", "--validate", "--fail-fast")
    assert status == 1
    (line,) = [line for line in said.splitlines() if "Errors detected in output" in line]
    layer = f"/{BLOCK.replace('.1.', '.1/')}/query_project/query_project.1/conv/Conv_output_0/half"
    assert line.endswith(layer)
