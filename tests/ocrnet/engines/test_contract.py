"""What every engine must do: one class of tests, run over each of them."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocrnet.artefacts import Artefact, find_graphs
from ocrnet.engines import Engine, EngineOptions, open_engine
from ocrnet.engines.contract import checked_logits
from ocrnet.engines.fake import FakeEngine
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.errors import ArtefactError, EngineError, EngineUnavailable
from ocrnet.zoo import Size, get_spec
from server.local_triton import LocalTriton

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")


def _pictures(number: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height * width)
    return rng.integers(0, 256, (number, height, width, 3), dtype=np.uint8)


class EngineContract:
    """Subclasses give `engine`, an open engine of the demo, and `own_engine`, to be closed.

    tolerance: what an image's logits may differ by in a batch, of the largest.
    """

    tolerance = 1e-5

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture
    def own_engine(self, engine: Engine) -> Engine:
        """Another one where the tests of a class share `engine`."""
        return engine

    @pytest.mark.parametrize(("height", "width"), [(64, 96), (97, 131), (1, 1), (33, 5)])
    def test_logits_have_the_shape_of_the_output_grid(
        self, engine: Engine, height: int, width: int
    ) -> None:
        images = _pictures(2, height, width)
        output = asyncio.run(engine.infer(images, "logits"))
        assert output.dtype in (np.float32, np.float16)
        assert output.shape == (2, 19, -(-height // 4), -(-width // 4))
        assert checked_logits(output, 19, 4, images).dtype == np.float32

    def test_a_batch_answers_like_its_pictures_alone(self, engine: Engine) -> None:
        images = _pictures(3, 40, 56)

        async def both() -> tuple[np.ndarray, list[np.ndarray]]:
            together = await engine.infer(images, "logits")
            return together, [await engine.infer(image[None], "logits") for image in images]

        together, alone = asyncio.run(both())
        scale = np.abs(together).max()
        np.testing.assert_allclose(together, np.concatenate(alone), atol=self.tolerance * scale)

    def test_concurrent_calls_do_not_mix_their_answers(self, engine: Engine) -> None:
        pictures = [_pictures(1, 32 + 4 * k, 48) for k in range(6)]

        async def all_at_once() -> list[np.ndarray]:
            return await asyncio.gather(*(engine.infer(p, "logits") for p in pictures))

        async def one_by_one() -> list[np.ndarray]:
            return [await engine.infer(p, "logits") for p in pictures]

        for concurrent, alone in zip(
            asyncio.run(all_at_once()), asyncio.run(one_by_one()), strict=True
        ):
            np.testing.assert_array_equal(concurrent, alone)

    def test_an_answer_stays_after_the_next_call(self, engine: Engine) -> None:
        async def two() -> tuple[np.ndarray, np.ndarray]:
            first = await engine.infer(_pictures(1, 32, 32), "logits")
            kept = first.copy()
            await engine.infer(_pictures(1, 32, 32)[:, ::-1], "logits")
            return first, kept

        first, kept = asyncio.run(two())
        np.testing.assert_array_equal(first, kept)

    def test_a_view_of_a_picture_will_do(self, engine: Engine) -> None:
        picture = _pictures(1, 64, 64)
        window = picture[:, 8:40, 16:64]

        async def both() -> tuple[np.ndarray, np.ndarray]:
            return (
                await engine.infer(window, "logits"),
                await engine.infer(np.ascontiguousarray(window), "logits"),
            )

        np.testing.assert_array_equal(*asyncio.run(both()))

    def test_it_says_what_it_gives_and_names_what_it_lacks(self, engine: Engine) -> None:
        assert engine.outputs(Size(32, 48)) == {"logits"}
        with pytest.raises(EngineUnavailable, match=r"no output 'labels', only \['logits'\]"):
            asyncio.run(engine.infer(_pictures(1, 32, 48), "labels"))

    def test_closing_twice_is_fine_and_a_closed_engine_says_so(self, own_engine: Engine) -> None:
        async def close_and_ask() -> None:
            await own_engine.close()
            await own_engine.close()
            with pytest.raises(EngineUnavailable, match="closed"):
                await own_engine.infer(_pictures(1, 32, 32), "logits")
            with pytest.raises(EngineUnavailable, match="closed"):
                own_engine.outputs(Size(32, 32))

        asyncio.run(close_and_ask())


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return FakeEngine(19)


class InProcessContract(EngineContract):
    """Subclasses say how it runs."""

    options: EngineOptions

    @classmethod
    def _open_graphs(cls, graphs: list[Artefact]) -> Engine:
        return open_engine(SPEC, graphs, cls.options)

    @classmethod
    def _open(cls, root: Path) -> Engine:
        graphs = find_graphs(root / "model_repository", SPEC)
        dynamic = [graph for graph in graphs if graph.fixed_size is None]  # the other takes as long
        return cls._open_graphs(dynamic)

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, root: Path) -> Iterator[Engine]:
        engine = cls._open(root)
        yield engine
        asyncio.run(engine.close())

    @pytest.fixture
    def own_engine(self, root: Path) -> Iterator[Engine]:
        engine = self._open(root)
        yield engine
        asyncio.run(engine.close())


class LoneCallContract(InProcessContract):
    """Of engines that run one call at a time."""

    def test_a_call_cancelled_while_it_waits_never_runs(self, own_engine: Engine) -> None:
        async def cancel_the_second() -> None:
            first = asyncio.create_task(own_engine.infer(_pictures(1, 256, 256), "logits"))
            second = asyncio.create_task(own_engine.infer(_pictures(1, 2000, 2000), "logits"))
            await asyncio.sleep(0)
            second.cancel()
            await first
            await own_engine.close()  # waits for the worker: the large picture would take seconds
            assert second.cancelled()

        asyncio.run(cancel_the_second())

    def test_a_file_that_is_no_graph_is_named(self, root: Path, tmp_path: Path) -> None:
        graphs = find_graphs(root / "model_repository", SPEC)
        (found,) = [graph for graph in graphs if graph.fixed_size is None]
        (tmp_path / "broken.onnx").write_bytes(found.path.read_bytes()[:100_000])
        broken = replace(found, path=tmp_path / "broken.onnx")
        with pytest.raises(ArtefactError, match=r"cannot \w+ .*broken\.onnx"):
            self._open_graphs([broken])

    def test_pictures_that_the_graph_refuses_are_an_error_of_the_engine(
        self, engine: Engine
    ) -> None:
        with pytest.raises(EngineError, match=r"failed on images of shape \(1, 8, 8, 2\)"):
            asyncio.run(engine.infer(np.zeros((1, 8, 8, 2), np.uint8), "logits"))


class TestOpenVinoEngine(LoneCallContract):
    options = EngineOptions("openvino")


class TestOpenVinoEngineWithStreams(InProcessContract):
    """Calls that run side by side."""

    options = EngineOptions(streams=2, pin=False)


class TestOnnxRuntimeEngine(LoneCallContract):
    options = EngineOptions("onnxruntime")

    def test_without_it_the_error_says_what_to_install(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "ocrnet.engines.onnxruntime", raising=False)
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(ArtefactError, match="pip install onnxruntime"):
            open_engine(
                SPEC, find_graphs(root / "model_repository", SPEC), EngineOptions("onnxruntime")
            )


class TestTritonEngine(EngineContract):
    @pytest.fixture
    def engine(self, demo_triton: LocalTriton) -> TritonEngine:
        connection = TritonConnection(demo_triton.addresses.grpc)
        return TritonEngine(connection, served_graphs(connection, SPEC))

    def test_more_pictures_than_a_batch_holds_are_all_answered(self, engine: Engine) -> None:
        images = _pictures(11, 32, 48)
        output = asyncio.run(engine.infer(images, "logits"))
        last = asyncio.run(engine.infer(images[-1:], "logits"))
        assert len(output) == 11
        np.testing.assert_allclose(output[-1:], last, atol=1e-5 * np.abs(last).max())
