"""The engine for GPUs with its sessions on the CPU: the same code, bound to the CPU's memory.

What only a GPU shows is in test_on_gpu.py.
"""

import asyncio
import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.artefacts import Artefact, find_graphs
from ocrnet.engines import BatchingEngine, Engine
from ocrnet.engines.contract import OutputName
from ocrnet.engines.cuda.bound_graph import BoundGraph
from ocrnet.engines.cuda.fixed_graph import FixedBatchGraph, open_batched
from ocrnet.engines.cuda.open_on_gpu import MOST_BATCH_PIXELS, batch_sizes, open_batching_engine
from ocrnet.errors import EngineError
from ocrnet.zoo import Size, get_spec
from tests.ocrnet.engines.cuda.colours import CPU, SIZE, colours_model, right_answer, some_images
from tests.ocrnet.engines.test_contract import LoneCallContract

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")


@pytest.fixture(scope="module")
def colours() -> bytes:
    return colours_model()


class TestBoundEngine(LoneCallContract):
    """With a dynamic graph, and with one of a size of the contract's batches."""

    @classmethod
    def _open_graphs(cls, graphs: list[Artefact]) -> Engine:
        (dynamic,) = [graph for graph in graphs if graph.fixed_size is None]
        fixed = replace(dynamic, manifest=replace(dynamic.manifest, height=40, width=56))
        return open_batching_engine(SPEC, [dynamic, fixed], CPU, 4)

    def test_more_images_than_a_batch_and_ten_callers_at_once(self, engine: Engine) -> None:
        images = some_images(11, Size(40, 56))

        async def ask() -> tuple[NDArray[np.generic], list[NDArray[np.generic]]]:
            calls = (engine.infer(image[None], "logits") for image in images[:10])
            return await engine.infer(images, "logits"), await asyncio.gather(*calls)

        together, alone = asyncio.run(ask())
        scale = np.abs(together).max()
        np.testing.assert_allclose(together[:10], np.concatenate(alone), atol=1e-5 * scale)
        assert len(together) == 11


@pytest.fixture
def dynamic(root: Path) -> Artefact:
    graphs = find_graphs(root / "model_repository", SPEC)
    (dynamic,) = [graph for graph in graphs if graph.fixed_size is None]
    return dynamic


def test_it_answers_as_the_engine_on_the_cpu(demo_engine: Engine, dynamic: Artefact) -> None:
    images = some_images(3, Size(64, 96))
    engine = open_batching_engine(SPEC, [dynamic], CPU, 2)
    assert isinstance(engine, BatchingEngine)

    async def both() -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        answers = await asyncio.gather(
            engine.infer(images, "logits"), demo_engine.infer(images, "logits")
        )
        await engine.close()
        return answers[0], answers[1]

    ours, expected = asyncio.run(both())
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("output", ["logits", "labels"])
def test_each_output_of_a_fixed_graph_in_batches_of_any_number(
    output: OutputName, colours: bytes
) -> None:
    graph = open_batched(colours, CPU, SIZE, half=False, batches=[1, 4])
    assert (graph.outputs, graph.most_images) == ({"logits", "labels"}, 4)
    for number in (1, 2, 4, 9):
        images = some_images(number)
        found = graph.run(images, output)
        assert found.dtype == (np.uint8 if output == "labels" else np.float32)
        np.testing.assert_array_equal(found, right_answer(images, output))


def test_a_run_of_a_fixed_graph_writes_where_the_last_one_did(colours: bytes) -> None:
    """What a CUDA graph replays has its addresses inside."""
    graph = FixedBatchGraph(colours, CPU, (2, 4, 6, 3), half=False, captured=False)
    graph.prepare()

    def addresses() -> list[int]:
        given = graph._input
        assert given is not None
        return [given.data_ptr(), *(value.data_ptr() for value in graph._values.values())]

    before = addresses()
    for output in ("logits", "labels", "logits"):
        graph.run(some_images(2), output)
    assert addresses() == before
    with pytest.raises(EngineError, match=r"images of \(2, 4, 6, 3\), not \(1, 4, 6, 3\)"):
        graph.run(some_images(1), "logits")


def test_images_of_a_shape_that_comes_again_need_no_new_memory(colours: bytes) -> None:
    graph = BoundGraph(colours, CPU)
    inputs = []
    for number in (1, 1, 2):
        np.testing.assert_array_equal(
            graph.run(some_images(number), "labels"), right_answer(some_images(number), "labels")
        )
        inputs.append(graph._input)
    assert inputs[0] is inputs[1]
    assert inputs[1] is not inputs[2]


def test_batches_hold_at_most_so_many_pixels() -> None:
    window, whole = Size(512, 1024), Size(1024, 2048)
    assert [batch_sizes(window, most) for most in (1, 4, 8, 64)] == [[1], [1, 4], [1, 8], [1, 8]]
    assert [batch_sizes(whole, most) for most in (1, 8)] == [[1], [1, 2]]
    assert batch_sizes(Size(4096, 4096), 8) == [1]
    assert 8 * window.pixels == MOST_BATCH_PIXELS


def test_the_log_says_what_was_opened(
    dynamic: Artefact, colours: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "model.onnx").write_bytes(colours)
    any_size = replace(dynamic, path=tmp_path / "model.onnx")
    fixed = replace(any_size, manifest=replace(dynamic.manifest, height=4, width=6))
    for graphs, said in (([any_size], "one"), ([any_size, fixed], "2 of 4x6")):
        caplog.clear()
        asyncio.run(open_batching_engine(SPEC, graphs, CPU, 2).close())
        line = rf"demo is ready on the CPU after [\d.]+ s, in batches of {said}"
        assert re.fullmatch(line, caplog.messages[-1])
