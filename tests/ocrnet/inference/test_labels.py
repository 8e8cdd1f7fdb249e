"""Labels that the engine gives itself: when they are asked for, and what is checked of them."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName, checked_labels
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import BadEngineOutput, UnsupportedModel
from ocrnet.inference.maps import Want
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import Segmentation, segment
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")
WHOLE = Size(64, 96)
SLIDE = SegmentOptions("slide", Size(64, 96), Size(32, 48))


def _run(
    engine: FakeEngine,
    options: SegmentOptions = SegmentOptions("whole"),  # noqa: B008  # it is frozen
    wants: frozenset[Want] = frozenset(),
    size: Size = WHOLE,
    timings: Timings | None = None,
) -> Segmentation:
    image = np.full((size.height, size.width, 3), 7, np.uint8)
    plan = plan_request(size, SPEC, options)
    return asyncio.run(segment(image, SPEC, engine, plan, timings or Timings(), wants=wants))


@pytest.mark.parametrize(
    "options",
    [
        SegmentOptions("whole"),
        SegmentOptions("whole", scales=(1.0,)),
        SegmentOptions("whole", scales=(1.001,)),  # of the same size, once rounded
        SegmentOptions("slide"),  # the crop is larger: one window
        SLIDE,
        SegmentOptions("slide", blend="gaussian"),
    ],
)
def test_one_window_at_the_size_of_such_a_graph_is_labelled_by_the_engine(
    options: SegmentOptions,
) -> None:
    engine, timings = FakeEngine(19, labels_at={WHOLE}), Timings()
    result = _run(engine, options, timings=timings)
    assert engine.outputs_seen == ["labels"]
    np.testing.assert_array_equal(result.labels, np.full((64, 96), 7))
    assert (result.confidence, result.logits) == (None, None)
    assert list(timings.seconds) == ["engine"]


@pytest.mark.parametrize(
    ("options", "wants", "size"),
    [
        (SegmentOptions("whole"), {"confidence"}, WHOLE),
        (SegmentOptions("whole"), {"logits"}, WHOLE),
        (SegmentOptions("whole", flip=True), set(), WHOLE),
        (SegmentOptions("whole", scales=(1.0, 0.5)), set(), WHOLE),
        # The view has the graph's size, the image has another one.
        (SegmentOptions("whole", scales=(0.5,)), set(), Size(128, 192)),
        (SLIDE, set(), Size(64, 97)),
        (SLIDE, set(), Size(128, 192)),
        (SegmentOptions("whole"), set(), Size(96, 64)),
        (SegmentOptions("whole"), set(), Size(64, 97)),
        (SegmentOptions("whole"), set(), Size(1, 1)),
    ],
)
def test_everything_else_is_read_off_the_logits(
    options: SegmentOptions, wants: set[Want], size: Size
) -> None:
    engine, timings = FakeEngine(19, labels_at={WHOLE}), Timings()
    result = _run(engine, options, frozenset(wants), size, timings)
    assert set(engine.outputs_seen) == {"logits"}
    np.testing.assert_array_equal(result.labels, np.full((size.height, size.width), 7))
    assert "argmax" in timings.seconds


def test_an_engine_without_labels_is_never_asked_for_them() -> None:
    engine = FakeEngine(19)
    _run(engine)
    assert engine.outputs_seen == ["logits"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((1, 64, 95), np.uint8), r"labels of shape \(1, 64, 95\), not \(1, 64, 96\)"),
        (np.zeros((64, 96), np.uint8), r"labels of shape \(64, 96\), not"),
        (np.zeros((2, 64, 96), np.uint8), r"labels of shape \(2, 64, 96\), not"),
        (np.zeros((1, 1, 64, 96), np.uint8), r"labels of shape \(1, 1, 64, 96\), not"),
        (np.zeros((1, 64, 96), np.int64), "labels of type int64, not uint8"),
        (np.zeros((1, 64, 96), np.float16), "labels of type float16, not uint8"),
        (np.zeros((1, 64, 96), np.int8), "labels of type int8, not uint8"),
        (np.zeros((1, 64, 96), np.bool_), "labels of type bool, not uint8"),
        (np.full((1, 64, 96), 19, np.uint8), "a label 19: the model has the classes 0 to 18"),
        (np.full((1, 64, 96), 255, np.uint8), "labels of logits that are not finite"),
        (np.full((1, 64, 96), 254, np.uint8), "a label 254"),
    ],
)
def test_labels_that_cannot_be_right_are_refused(labels: NDArray[np.generic], message: str) -> None:
    class Broken(FakeEngine):
        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            return labels

    with pytest.raises(BadEngineOutput, match=message):
        _run(Broken(19, labels_at={WHOLE}))


def test_one_wrong_pixel_is_found() -> None:
    labels = np.full((1, 64, 96), 18, np.uint8)
    images = np.zeros((1, 64, 96, 3), np.uint8)
    assert checked_labels(labels, 19, images) is not None
    labels[0, 63, 95] = 19
    with pytest.raises(BadEngineOutput, match="a label 19"):
        checked_labels(labels, 19, images)


def test_a_model_of_one_class_has_no_labels_either() -> None:
    with pytest.raises(UnsupportedModel, match="one output channel"):
        checked_labels(np.zeros((1, 2, 2), np.uint8), 1, np.zeros((1, 2, 2, 3), np.uint8))
