from collections.abc import Callable

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from export.evaluation.figures import Figures
from export.evaluation.int8_judge import Judge, labeller
from export.graphs.source import Source
from export.int8.calibration import CalibrationImages
from ocrnet.datasets import Example
from ocrnet.zoo import get_spec

SPEC = get_spec("demo")
Scaled = Callable[[onnx.ModelProto, str, object], onnx.ModelProto]


@pytest.fixture(scope="module")
def image(pictures: CalibrationImages) -> NDArray[np.uint8]:
    return pictures.held_out[0].image


@pytest.fixture(scope="module")
def right(toy: onnx.ModelProto, image: NDArray[np.uint8]) -> Example:
    """With true labels that are what the toy graph says."""
    return Example("right", image, labeller(toy, SPEC)(image))


@pytest.mark.slow
def test_the_float_graph_loses_nothing(
    demo: Source, graph: onnx.ModelProto, pictures: CalibrationImages
) -> None:
    """The real network, run by another runtime than judges it."""
    judge = Judge(graph, demo.spec, pictures.held_out, labelled=True)
    assert judge.miou is not None
    assert judge.miou > 0.2
    found = judge.figures(graph)
    assert found.changed_labels < 1e-4
    assert found.miou_loss == pytest.approx(0, abs=0.02)


def test_changed_labels_and_lost_points_are_counted(
    toy: onnx.ModelProto, right: Example, scaled: Scaled
) -> None:
    judge = Judge(toy, SPEC, [right], labelled=True)
    assert judge.miou == 1
    other = scaled(toy, "stage 2", [[[1.0]], [[0.5]], [[1.0]]])
    expected = float(np.mean(labeller(other, SPEC)(right.image) != right.labels))
    assert 0.01 < expected < 0.99
    found = judge.figures(other)
    assert found.changed_labels == expected
    assert found.miou_loss is not None
    assert 0 < found.miou_loss < 100


def test_a_network_that_does_not_know_the_pictures_has_nothing_to_lose(
    toy: onnx.ModelProto, right: Example, scaled: Scaled
) -> None:
    wrong = Example("wrong", right.image, (right.labels + 1) % 19)
    judge = Judge(toy, SPEC, [wrong], labelled=True)
    assert judge.miou is not None
    assert judge.miou < 0.2
    found = judge.figures(scaled(toy, "stem", -1))
    assert found.changed_labels == pytest.approx(1, abs=0.01)
    assert found.miou_loss is None


def test_pictures_without_labels_have_no_miou(toy: onnx.ModelProto, right: Example) -> None:
    judge = Judge(toy, SPEC, [right], labelled=False)
    assert judge.miou is None
    assert judge.figures(toy) == Figures(logit_error=None, changed_labels=0.0)


def test_classes_that_are_not_there_do_not_count(
    toy: onnx.ModelProto, right: Example, scaled: Scaled
) -> None:
    """A pixel that INT8 takes for a train would halve the mIoU of a picture without one."""
    classes, counts = np.unique(right.labels, return_counts=True)
    rare = int(classes[counts.argmin()])
    common = right.labels.copy()
    common[common == rare] = 255
    factor = np.ones((19, 1, 1, 1))
    factor[rare] = 0  # the float graph does not say it either
    judge = Judge(
        scaled(toy, "classifier", factor),
        SPEC,
        [Example("common", right.image, common)],
        labelled=True,
    )
    assert judge.miou is not None
    loss = judge.figures(toy).miou_loss
    assert loss is not None
    assert abs(loss) < 100 / 19
