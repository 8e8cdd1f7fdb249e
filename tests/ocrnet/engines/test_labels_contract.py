"""What every engine must do whose graph of whole images gives labels beside logits."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ocrnet.engines import Engine, EngineOptions, open_engine
from ocrnet.engines.contract import checked_labels, checked_logits
from ocrnet.engines.fake import FakeEngine
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.errors import EngineUnavailable
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size
from server.local_triton import LocalTriton
from tests.small_models import LABELLED, labelled_demo_spec, labelled_graphs

pytestmark = pytest.mark.slow

SPEC = labelled_demo_spec()


def _noise(number: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height * width)
    return rng.integers(0, 256, (number, height, width, 3), dtype=np.uint8)


class LabelsContract:
    """Subclasses give `engine`, whose graph of images of the size `LABELLED` gives labels too."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def images(cls) -> np.ndarray:
        """Uint8 (2, H, W, 3)."""
        return np.stack([draw_scene(k, LABELLED.height, LABELLED.width).image for k in range(2)])

    def test_labels_are_given_at_that_size_alone(self, engine: Engine) -> None:
        assert engine.outputs(LABELLED) == {"logits", "labels"}
        for size in (
            Size(LABELLED.width, LABELLED.height),
            Size(LABELLED.height, LABELLED.width + 1),
        ):
            assert engine.outputs(size) == {"logits"}
            with pytest.raises(EngineUnavailable, match="no output 'labels'"):
                asyncio.run(engine.infer(_noise(1, size.height, size.width), "labels"))

    def test_they_are_of_every_pixel_and_a_batch_s_are_those_of_its_images(
        self, engine: Engine, images: np.ndarray
    ) -> None:
        async def both() -> tuple[np.ndarray, list[np.ndarray]]:
            together = await engine.infer(images, "labels")
            return together, [await engine.infer(image[None], "labels") for image in images]

        together, alone = asyncio.run(both())
        assert together.shape == (2, LABELLED.height, LABELLED.width)
        np.testing.assert_array_equal(checked_labels(together, 19, images), together)
        assert len(np.unique(together)) >= 2
        assert np.mean(together == np.concatenate(alone)) >= 0.9999

    def test_calls_for_either_output_at_once_get_their_own(
        self, engine: Engine, images: np.ndarray
    ) -> None:
        asked = [(image[None], name) for image in images for name in ("labels", "logits")]

        async def all_at_once() -> list[np.ndarray]:
            return await asyncio.gather(*(engine.infer(one, name) for one, name in asked))

        async def one_by_one() -> list[np.ndarray]:
            return [await engine.infer(one, name) for one, name in asked]

        answers = zip(asyncio.run(all_at_once()), asyncio.run(one_by_one()), strict=True)
        for (_, name), (concurrent, alone) in zip(asked, answers, strict=True):
            if name == "labels":  # in a batch, sums have another order
                assert np.mean(concurrent == alone) >= 0.9999
            else:
                np.testing.assert_allclose(concurrent, alone, atol=1e-2 * np.abs(alone).max())

    def test_they_are_the_classes_of_the_logits(self, engine: Engine, images: np.ndarray) -> None:
        async def both() -> tuple[np.ndarray, np.ndarray]:
            return await engine.infer(images, "labels"), await engine.infer(images, "logits")

        labels, logits = asyncio.run(both())
        expected = [
            upsample_argmax(one, LABELLED, align_corners=SPEC.align_corners)
            for one in checked_logits(logits, 19, 4, images)
        ]
        assert np.mean(labels == expected) >= 0.9999


class TestFakeEngineWithLabels(LabelsContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return FakeEngine(19, labels_at={LABELLED})

    @pytest.fixture(scope="class")
    @classmethod
    def images(cls) -> np.ndarray:
        """Each of one class: what a pixel's own red says is what its cell says."""
        return np.stack(
            [np.full((LABELLED.height, LABELLED.width, 3), k, np.uint8) for k in range(2)]
        )

    def test_they_follow_from_the_red_channel(self, engine: Engine) -> None:
        images = _noise(2, LABELLED.height, LABELLED.width)
        labels = asyncio.run(engine.infer(images, "labels"))
        np.testing.assert_array_equal(labels, images[..., 0] % 19)


class InProcessLabelsContract(LabelsContract):
    """Subclasses say how it runs."""

    options: EngineOptions

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, labelled_demo: Path) -> Iterator[Engine]:
        engine = open_engine(SPEC, labelled_graphs(labelled_demo), cls.options)
        yield engine
        asyncio.run(engine.close())


@pytest.mark.thorough  # no graph with labels is built for it
class TestOpenVinoEngineWithLabels(InProcessLabelsContract):
    options = EngineOptions("openvino")


class TestOnnxRuntimeEngineWithLabels(InProcessLabelsContract):
    options = EngineOptions("onnxruntime")


class TestTritonEngineWithLabels(LabelsContract):
    @pytest.fixture
    def engine(self, labelled_triton: LocalTriton) -> TritonEngine:
        connection = TritonConnection(labelled_triton.addresses.grpc)
        return TritonEngine(connection, served_graphs(connection, SPEC))
