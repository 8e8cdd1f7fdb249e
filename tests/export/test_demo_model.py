"""The one trained model of the project: the committed graph, and what it has learnt."""

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import onnx
import openvino
import pytest
import torch
from PIL import Image

from export import load_model
from export.evaluation.gates import gate_for, parity_tolerance
from export.evaluation.int8_judge import Judge, good_enough
from export.evaluation.parity import DYNAMIC_SIZES, compare
from export.evaluation.runners import run_onnx, run_pytorch
from ocrnet.artefacts import Artefact, Kind, ServedPrecision, find_graphs, sha256_of
from ocrnet.cli import main
from ocrnet.datasets import SyntheticScenes
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.engines import open_engine
from ocrnet.inference.argmax import upsample_argmax
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


@pytest.mark.parametrize("kind", ["dynamic", "window"])
def test_a_committed_graph_equals_the_pytorch_model(root: Path, weights: Path, kind: Kind) -> None:
    graph = _committed(root, kind)
    assert graph.manifest.checkpoint_sha256 == sha256_of(weights)
    network = run_pytorch(load_model(SPEC, weights))
    sizes = (graph.fixed_size,) if graph.fixed_size else DYNAMIC_SIZES
    errors = compare(network, run_onnx(graph.path), sizes, "float32")
    assert max(errors.values()) <= parity_tolerance("float32")


def _committed(root: Path, kind: Kind, precision: ServedPrecision = "exact") -> Artefact:
    graphs = find_graphs(root / "model_repository", SPEC, precision)
    (graph,) = [one for one in graphs if one.manifest.kind == kind]
    return graph


@pytest.mark.parametrize("kind", ["dynamic", "window"])
def test_a_committed_graph_stores_half_precision(root: Path, kind: Kind) -> None:
    model = onnx.load(_committed(root, kind).path)
    stored = {weight.data_type for weight in model.graph.initializer if len(weight.dims) == 4}
    assert onnx.TensorProto.FLOAT16 in stored
    assert all(node.name for node in model.graph.node)


def test_labels_of_a_window_are_those_of_pytorch(root: Path, weights: Path) -> None:
    """And the window is run by the rewritten graph, whose logits are other bits."""
    scene = draw_scene(3, 512, 1024)
    network = load_model(SPEC, weights)
    graphs = find_graphs(root / "model_repository", SPEC)
    dynamic = [graph for graph in graphs if graph.fixed_size is None]
    engines = [open_engine(SPEC, some) for some in (graphs, dynamic)]
    with torch.inference_mode():
        expected = network(torch.from_numpy(scene.image)[None]).numpy()
    rewritten, plain = (
        asyncio.run(engine.infer(scene.image[None], "logits")) for engine in engines
    )
    for engine in engines:
        asyncio.run(engine.close())
    np.testing.assert_allclose(rewritten, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    labels = [
        upsample_argmax(one[0], Size(512, 1024), align_corners=False)
        for one in (rewritten, expected)
    ]
    assert (labels[0] == labels[1]).mean() >= 0.9999
    assert np.abs(rewritten - plain).max() > 0


def test_the_committed_int8_graph_holds_its_gate(root: Path) -> None:
    """As it is judged when it is built, on other scenes, and fewer."""
    model = openvino.Core().read_model(str(_committed(root, "window", "fast").path))
    graph = onnx.load(_committed(root, "window").path)
    scenes = list(SyntheticScenes(0, 2, Size(512, 1024)))
    figures = Judge(graph, SPEC, scenes, labelled=True).figures(model)
    assert figures.changed_labels > 0
    assert good_enough(figures, gate_for("int8", trained=True))


@pytest.mark.parametrize("package", ["+cpu", "+cu130", ""])
def test_the_build_leaves_the_committed_graphs_as_they_are(
    root: Path, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever package of PyTorch is installed, of the version that they were built by."""
    held = _released(_committed(root, "dynamic"))
    if _torch() != held:
        pytest.skip(f"PyTorch {held} built them, this is {torch.__version__}")
    monkeypatch.setattr(torch, "__version__", held + package)
    command = ["export", "build", "demo", "--repository", str(root / "model_repository")]
    assert main([*command, "--kinds", "dynamic", "window"]) == 0
    assert main([*command, "--kinds", "window", "--to", "int8"]) == 0
    assert capsys.readouterr().out.count("there already") == 3


def _released(graph: Artefact) -> str:
    return graph.manifest.versions["torch"].partition("+")[0]


def _torch() -> str:
    return str(torch.__version__).partition("+")[0]


def test_the_build_makes_the_committed_window_graph(root: Path, tmp_path: Path) -> None:
    """The same bytes: what git holds is what its code writes."""
    if _torch() != _released(_committed(root, "window")):
        pytest.skip("built by another version of PyTorch")
    held = _committed(root, "window").manifest
    command = ["export", "build", "demo", "--kinds", "window", "--repository", str(tmp_path)]
    assert main(command) == 0
    (made,) = find_graphs(tmp_path, SPEC)
    assert made.manifest.files == held.files


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
