"""The one trained model of the project: the committed graph, and what it has learnt."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from export import load_model
from export.evaluation.gates import parity_tolerance
from export.evaluation.parity import DYNAMIC_SIZES, compare
from export.evaluation.runners import run_onnx, run_pytorch
from ocrnet.artefacts import find_graphs, sha256_of
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.engines import open_engine
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import segment
from ocrnet.scenes import IGNORE, draw_scene
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(root: Path) -> Path:
    return root / "export" / "weights" / "demo.safetensors"


def test_the_committed_graph_equals_the_pytorch_model(root: Path, weights: Path) -> None:
    (graph,) = [g for g in find_graphs(root / "model_repository", SPEC) if g.fixed_size is None]
    assert graph.manifest.checkpoint_sha256 == sha256_of(weights)
    network = run_pytorch(load_model(SPEC, weights))
    errors = compare(network, run_onnx(graph.path), DYNAMIC_SIZES, "float32")
    assert max(errors.values()) <= parity_tolerance("float32")


def test_the_committed_graph_stores_half_precision(root: Path) -> None:
    model = onnx.load(root / "model_repository" / "demo_dynamic" / "1" / "model.onnx")
    stored = {weight.data_type for weight in model.graph.initializer if len(weight.dims) == 4}
    assert onnx.TensorProto.FLOAT16 in stored
    assert all(node.name for node in model.graph.node)


def test_openvino_equals_pytorch_on_a_scene(root: Path, weights: Path) -> None:
    image = draw_scene(0, 192, 384).image
    engine = open_engine(SPEC, find_graphs(root / "model_repository", SPEC))
    actual = asyncio.run(engine.infer(image[None], "logits"))
    asyncio.run(engine.close())
    with torch.inference_mode():
        expected = load_model(SPEC, weights)(torch.from_numpy(image)[None]).numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


# Windows over HTTP: tests/test_golden_modes.py, and those of the demo below.
@pytest.mark.parametrize("mode", [pytest.param("slide", marks=pytest.mark.thorough), "whole"])
def test_a_cityscapes_sized_scene_over_http(
    root: Path, gateway: Callable[..., httpx2.Client], encode: Callable[..., bytes], mode: str
) -> None:
    scene = draw_scene(2, 1024, 2048)
    client = gateway(open_engine(SPEC, find_graphs(root / "model_repository", SPEC)))
    files = {"image": encode(scene.image, "JPEG", quality=95)}
    answer = client.post("/segment", params={"mode": mode}, files=files)
    assert answer.status_code == 200, answer.text
    labels = np.asarray(Image.open(BytesIO(answer.content)))
    assert labels.shape == (1024, 2048)
    known = scene.labels != IGNORE
    assert (labels[known] == scene.labels[known]).mean() > 0.6


WHOLE, SLIDE = SegmentOptions("whole"), SegmentOptions("slide", Size(320, 640), Size(208, 424))


@pytest.mark.parametrize(
    ("options", "scenes"),
    [
        (WHOLE, 2),
        (SLIDE, 1),
        pytest.param(WHOLE, 8, marks=pytest.mark.thorough),
        pytest.param(SLIDE, 8, marks=pytest.mark.thorough),
    ],
)
def test_it_has_learnt_to_read_scenes(root: Path, options: SegmentOptions, scenes: int) -> None:
    """Pooled over unseen scenes; docs/demo-model.md has the full figures."""
    engine = open_engine(SPEC, find_graphs(root / "model_repository", SPEC))
    matrix = ConfusionMatrix(SPEC.classes)

    async def score() -> None:
        for seed in range(scenes):
            scene = draw_scene(seed, 512, 1024)
            plan = plan_request(Size(512, 1024), SPEC, options)
            result = await segment(scene.image, SPEC, engine, plan, Timings())
            matrix.add(scene.labels, result.labels)
        await engine.close()

    asyncio.run(score())
    assert matrix.miou() >= 0.6
