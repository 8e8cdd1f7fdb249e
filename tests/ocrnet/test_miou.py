import numpy as np
import pytest

from ocrnet.miou import ConfusionMatrix


def test_by_hand() -> None:
    matrix = ConfusionMatrix(4)
    matrix.add(np.array([[0, 0, 1, 255]], np.uint8), np.array([[0, 1, 1, 2]], np.uint8))
    matrix.add(np.array([[1, 1]], np.uint8), np.array([[1, 0]], np.uint8))
    iou = matrix.iou()
    # Class 0: 1 hit, 2 true, 2 found → 1/3. Class 1: 2 hits, 3 true, 3 found → 2/4.
    np.testing.assert_allclose(iou[:2], [1 / 3, 1 / 2])
    assert np.isnan(iou[2:]).all()
    assert matrix.miou() == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_refuses_unlike_shapes_and_unknown_classes() -> None:
    matrix = ConfusionMatrix(2)
    with pytest.raises(ValueError, match="differ in shape"):
        matrix.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
    with pytest.raises(ValueError, match="past the last one, 1"):
        matrix.add(np.zeros((1, 1), np.uint8), np.full((1, 1), 2, np.uint8))
