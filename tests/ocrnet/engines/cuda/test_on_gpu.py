"""The engine on a GPU: what only a GPU shows. Skipped without one, with the reason.

python -m pytest tests/ocrnet/engines/cuda/test_on_gpu.py
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.artefacts import Artefact, ServedPrecision, find_graphs
from ocrnet.engines import BatchingEngine, Engine, EngineOptions, Gpu, open_engine
from ocrnet.engines.contract import Images
from ocrnet.engines.cuda import bound_graph
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
from ocrnet.engines.cuda.device_choice import find_working_gpu
from ocrnet.engines.cuda.fixed_graph import FixedBatchGraph
from ocrnet.engines.engine_options import Provider
from ocrnet.errors import ArtefactError, OutOfMemory
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec
from tests.ocrnet.engines.test_contract import LoneCallContract

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")
WINDOW = Size(512, 1024)


@cache
def gpu_or_reason() -> Gpu | str:
    """Asked for by the tests, not when they are collected: a GPU takes seconds to answer."""
    try:
        return find_working_gpu()
    except ArtefactError as error:
        return str(error)


def need_gpu() -> Gpu:
    found = gpu_or_reason()
    if isinstance(found, str):
        pytest.skip(found)  # also in CI, which has none
    return found


@pytest.fixture(scope="module")
def gpu() -> Gpu:
    return need_gpu()


class TestCudaEngine(LoneCallContract):
    """The contract of all engines, on the dynamic graph that git holds."""

    tolerance = 1e-4  # cuDNN takes other algorithms for other numbers of images

    @classmethod
    def _open_graphs(cls, graphs: list[Artefact]) -> Engine:
        return open_engine(SPEC, graphs, EngineOptions(gpu=need_gpu()))


@pytest.fixture(scope="module")
def repository(gpu: Gpu, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's dynamic and window graphs, float32 and float16."""
    pytest.importorskip("torch")  # what builds graphs
    from export.artefacts.build_artefact import build_artefact
    from export.artefacts.settings import BuildSettings
    from export.artefacts.targets import Target
    from export.graphs.source import Source

    folder = tmp_path_factory.mktemp("repository")
    root = Path(__file__).parents[4]
    source = Source(SPEC, str(root / "export" / "weights" / "demo.safetensors"))
    for precision in ("float32", "float16"):
        for kind in ("dynamic", "window"):
            build_artefact(source, kind, Target("onnx", precision), BuildSettings(folder))
    return folder


@pytest.fixture(scope="module", params=["exact", "fast"])
def engine(
    request: pytest.FixtureRequest, repository: Path, gpu: Gpu
) -> Iterator[tuple[str, BatchingEngine]]:
    graphs = find_graphs(repository, SPEC, request.param, on_gpu=True)
    engine = open_engine(SPEC, graphs, EngineOptions(gpu=gpu))
    assert isinstance(engine, BatchingEngine)
    yield request.param, engine
    asyncio.run(engine.close())


@pytest.fixture(scope="module")
def windows() -> Images:
    return np.stack([draw_scene(seed, *_sides(WINDOW)).image for seed in range(10)])


@pytest.fixture(scope="module")
def expected(repository: Path, windows: Images) -> NDArray[np.generic]:
    """Logits of the windows by the exact engine on the CPU."""
    cpu = open_engine(SPEC, find_graphs(repository, SPEC))

    async def all_of_them() -> NDArray[np.generic]:
        logits = await cpu.infer(windows, "logits")
        await cpu.close()
        return logits

    return asyncio.run(all_of_them())


def _sides(size: Size) -> tuple[int, int]:
    return size.height, size.width


def _judge(precision: str, found: NDArray[np.generic], expected: NDArray[np.generic]) -> None:
    """Bounds as of `ocrnet export verify`: float32 and float16."""
    error, changed = (1e-4, 1e-4) if precision == "exact" else (0.03, 1e-3)
    found = found.astype(np.float32)
    assert np.abs(found - expected).max() <= error * np.abs(expected).max()
    assert np.mean(found.argmax(1) != expected.argmax(1)) <= changed


def test_ten_callers_and_more_images_than_a_batch(
    engine: tuple[str, BatchingEngine], windows: Images, expected: NDArray[np.generic]
) -> None:
    precision, opened = engine

    async def ask() -> tuple[list[NDArray[np.generic]], NDArray[np.generic]]:
        calls = (opened.infer(window[None], "logits") for window in windows)
        return await asyncio.gather(*calls), await opened.infer(windows, "logits")

    alone, together = asyncio.run(ask())
    _judge(precision, np.concatenate(alone), expected)
    _judge(precision, together, expected)


@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_replayed_cuda_graphs_answer_as_kernels_launched_one_by_one(
    precision: ServedPrecision, repository: Path, gpu: Gpu, windows: Images
) -> None:
    graphs = find_graphs(repository, SPEC, precision, on_gpu=True)
    (path,) = (graph.path for graph in graphs if graph.fixed_size == WINDOW)
    for number in (1, 8):
        shape = (number, WINDOW.height, WINDOW.width, 3)
        half = precision == "fast"
        graph = FixedBatchGraph(path, Place(gpu), shape, half=half, captured=True)
        graph.prepare()
        for images in (windows[:number], windows[-number:]):
            eager = graph._run_eagerly(images, ["logits"])["logits"]
            replayed = graph.run(images, "logits")
            np.testing.assert_allclose(replayed, eager, rtol=0, atol=1e-4 * np.abs(eager).max())


@pytest.mark.parametrize(
    ("reference", "model"),
    [
        ("hr18s_cityscapes", "ocrnet_hr18s_cityscapes_40k"),
        ("hr48_voc12", "ocrnet_hr48_voc12_20k"),
        ("r101_cityscapes", "ocrnet_r101-d8_cityscapes_40k_b8"),
    ],
)
def test_logits_are_those_of_mmsegmentation(
    reference: str, model: str, gpu: Gpu, golden: Path, golden_weights: object, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from export.artefacts.build_artefact import build_artefact
    from export.artefacts.settings import BuildSettings
    from export.artefacts.targets import Target
    from export.graphs.source import Source

    spec = get_spec(model)
    target = Target("onnx", "float32")
    build_artefact(Source(spec, "stand-in"), "dynamic", target, BuildSettings(tmp_path))
    engine = open_engine(spec, find_graphs(tmp_path, spec), EngineOptions(gpu=gpu))
    expected = np.load(golden / f"{reference}.npz")["logits"]
    width = 192 if reference.endswith("cityscapes") else 96
    image = golden_weights.image(96, width, 1)  # type: ignore[attr-defined]

    async def ask() -> NDArray[np.generic]:
        logits = await engine.infer(image[None], "logits")
        await engine.close()
        return logits

    logits = asyncio.run(ask())[0]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_too_little_memory_of_the_gpu_costs_the_next_image_nothing(
    gpu: Gpu, root: Path, windows: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = bound_graph.provider_options

    def limited(*arguments: int, **more: bool) -> Provider:
        name, given = options(*arguments, **more)
        return name, given | {"gpu_mem_limit": str(2**30)}

    monkeypatch.setattr(bound_graph, "provider_options", limited)
    graph = BoundGraph(root / "model_repository" / "demo_dynamic" / "1" / "model.onnx", Place(gpu))
    small = windows[:1, :128, :256]
    before = graph.run(small, "logits")
    with pytest.raises(OutOfMemory):
        graph.run(np.zeros((2, 1024, 2048, 3), np.uint8), "logits")
    after = graph.run(small, "logits")
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-4 * np.abs(before).max())
