import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.datasets.miou import ConfusionMatrix


def test_by_hand() -> None:
    matrix = ConfusionMatrix(4)
    matrix.add(np.array([[0, 0, 1, 255]], np.uint8), np.array([[0, 1, 1, 2]], np.uint8))
    matrix.add(np.array([[1, 1]], np.uint8), np.array([[1, 0]], np.uint8))
    iou, acc = matrix.iou(), matrix.acc()
    # Class 0: 1 hit, 2 true, 2 found → 1/3. Class 1: 2 hits, 3 true, 3 found → 2/4.
    np.testing.assert_allclose(iou[:2], [1 / 3, 1 / 2])
    np.testing.assert_allclose(acc[:2], [1 / 2, 2 / 3])
    assert np.isnan(iou[2:]).all()
    assert np.isnan(acc[2:]).all()
    assert matrix.miou() == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert matrix.macc() == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert matrix.aacc() == pytest.approx(3 / 5)


def test_what_is_found_but_never_there_has_an_iou_and_no_accuracy() -> None:
    matrix = ConfusionMatrix(2)
    matrix.add(np.array([[0, 0]], np.uint8), np.array([[0, 1]], np.uint8))
    np.testing.assert_array_equal(matrix.iou(), [0.5, 0])
    np.testing.assert_array_equal(matrix.acc(), [0.5, np.nan])
    assert (matrix.miou(), matrix.macc(), matrix.aacc()) == (0.25, 0.5, 0.5)


def test_nothing_but_ignored_pixels_has_no_figures() -> None:
    """As the label maps of Cityscapes' test split."""
    matrix = ConfusionMatrix(3)
    matrix.add(np.full((4, 5), 255, np.uint8), np.zeros((4, 5), np.uint8))
    assert np.isnan([matrix.miou(), matrix.macc(), matrix.aacc()]).all()
    assert np.isnan(matrix.iou()).all()


def _by_masks(
    maps: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]], classes: int
) -> dict[str, NDArray[np.float64] | float]:
    """The same figures by one mask per class and picture, and ratios of sums of float64."""
    hits, unions, trues = np.zeros(classes), np.zeros(classes), np.zeros(classes)
    for truth, found in maps:
        counted = truth != 255
        for index in range(classes):
            is_true, is_found = (truth == index) & counted, (found == index) & counted
            hits[index] += float((is_true & is_found).sum())
            unions[index] += float((is_true | is_found).sum())
            trues[index] += float(is_true.sum())
    iou = np.array(
        [hit / union if union else np.nan for hit, union in zip(hits, unions, strict=True)]
    )
    acc = np.array([hit / true if true else np.nan for hit, true in zip(hits, trues, strict=True)])
    return {
        "iou": iou,
        "acc": acc,
        "miou": np.nanmean(iou),
        "macc": np.nanmean(acc),
        "aacc": hits.sum() / trues.sum(),
    }


@pytest.mark.parametrize("classes", [2, 19, 21, 150])
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_count_by_masks(classes: int, seed: int) -> None:
    """Random maps with ignored pixels; one class is never there, one neither there nor found."""
    dice = np.random.default_rng(seed)
    there = max(classes - 2, 1)
    maps, matrix = [], ConfusionMatrix(classes)
    for height, width in ((61, 83), (1, 7), (40, 1)):
        truth = dice.integers(0, there, (height, width)).astype(np.uint8)
        guess = dice.integers(0, max(classes - 1, 1), (height, width)).astype(np.uint8)
        found = np.where(dice.random((height, width)) < 0.6, truth, guess)
        truth[dice.random((height, width)) < 0.15] = 255
        maps.append((truth, found))
        matrix.add(truth, found)
    expected = _by_masks(maps, classes)
    np.testing.assert_array_equal(matrix.iou(), expected["iou"])
    np.testing.assert_array_equal(matrix.acc(), expected["acc"])
    assert np.isnan(matrix.iou()).any()
    figures = (matrix.miou(), matrix.macc(), matrix.aacc())
    assert figures == (expected["miou"], expected["macc"], expected["aacc"])


def test_refuses_unlike_shapes_and_unknown_classes() -> None:
    matrix = ConfusionMatrix(2)
    with pytest.raises(ValueError, match="differ in shape"):
        matrix.add(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
    with pytest.raises(ValueError, match="past the last one, 1"):
        matrix.add(np.zeros((1, 1), np.uint8), np.full((1, 1), 2, np.uint8))


def _matrix(truth: list[int], found: list[int], classes: int = 4) -> ConfusionMatrix:
    matrix = ConfusionMatrix(classes)
    matrix.add(np.array([truth], np.uint8), np.array([found], np.uint8))
    return matrix


def test_a_stray_pixel_of_an_absent_class_is_one_wrong_pixel_and_no_lost_class() -> None:
    truth = [0] * 50 + [1] * 50
    reference, other = _matrix(truth, truth), _matrix(truth, [*truth[:-1], 3])
    assert reference.miou() - other.miou() == pytest.approx(1 - (1 + 0.98 + 0) / 3)
    assert other.miou_of_present() == pytest.approx((1 + 0.98) / 2)
    assert other.miou_loss(reference) == pytest.approx(1.0)
    assert reference.miou_loss(other) == pytest.approx(-1.0)


def test_ignored_pixels_are_neither_present_nor_predicted() -> None:
    truth = [0, 0, 1, 1]
    expected, found = _matrix(truth, truth), _matrix(truth, [0, 0, 1, 0])
    ignored = [255] * 4
    with_ignored = (
        _matrix(truth + ignored, [*truth, 2, 2, 0, 1]),
        _matrix(truth + ignored, [0, 0, 1, 0, 1, 0, 3, 3]),
    )
    assert with_ignored[0].present().tolist() == [True, True, False, False]
    assert with_ignored[1].miou_loss(with_ignored[0]) == found.miou_loss(expected)


def test_presence_is_of_all_pictures_together() -> None:
    reference, other = _matrix([0, 0], [0, 0]), _matrix([0, 0], [0, 1])
    for matrix in (reference, other):
        matrix.add(np.array([[1, 1]], np.uint8), np.array([[1, 1]], np.uint8))
    # Class 0: 1 of 2; class 1, present in the other picture: 2 of 3.
    assert other.miou_loss(reference) == pytest.approx(100 * (1 - (1 / 2 + 2 / 3) / 2))


def test_there_is_no_loss_where_nothing_is_labelled_or_nothing_known() -> None:
    nothing = _matrix([255, 255], [0, 1])
    assert not nothing.present().any()
    assert np.isnan(nothing.miou_of_present())
    assert nothing.miou_loss(nothing) is None
    truth = [0] * 5
    for right, loss in ((1, pytest.approx(20.0)), (0, None)):  # 0.2 and 0
        reference = _matrix(truth, [0] * right + [1] * (5 - right))
        assert _matrix(truth, [1] * 5).miou_loss(reference) == loss


def test_a_loss_is_of_the_same_pictures() -> None:
    with pytest.raises(ValueError, match="the same true labels"):
        _matrix([0, 1], [0, 1]).miou_loss(_matrix([0, 0], [0, 1]))
