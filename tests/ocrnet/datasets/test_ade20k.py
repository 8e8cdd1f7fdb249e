from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocrnet.datasets import open_dataset
from ocrnet.errors import InputError


def _reduce_zero_label(label: np.ndarray) -> np.ndarray:
    """As mmsegmentation's LoadAnnotations."""
    label = label.copy()
    label[label == 0] = 255
    label = label - 1
    label[label == 254] = 255
    return label


def test_pairs_and_values(
    write: Callable, photo: Callable, names: Callable, tmp_path: Path
) -> None:
    stored = np.append(np.arange(151), 255).astype(np.uint8).reshape(8, 19)
    for name in ("ADE_val_00000002", "ADE_val_00000001"):
        write(f"images/validation/{name}.jpg", photo(8, 19))
        write(f"annotations/validation/{name}.png", stored)
    write("images/training/ADE_train_00000001.jpg", photo(1, 1))
    write("annotations/training/ADE_train_00000001.png", np.ones((1, 1), np.uint8))
    dataset = open_dataset("ade20k", tmp_path)
    assert names(dataset) == ["ADE_val_00000001", "ADE_val_00000002"]
    example = next(iter(dataset))
    np.testing.assert_array_equal(example.labels, _reduce_zero_label(stored))
    assert example.labels.ravel().tolist() == [255, *range(150), 255]
    assert names(open_dataset("ade20k", tmp_path, limit=1)) == ["ADE_val_00000001"]
    (example,) = open_dataset("ade20k", tmp_path, "train")
    assert example.labels.tolist() == [[0]]


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}, {"mode": "L"}])
def test_pictures_are_those_of_opencv(
    write: Callable, photo: Callable, tmp_path: Path, options: dict
) -> None:
    """As mmsegmentation's evaluation, whose pixels published figures are of."""
    path = write("images/validation/a.jpg", photo(37, 53), **options)
    write("annotations/validation/a.png", np.zeros((37, 53), np.uint8))
    (example,) = open_dataset("ade20k", tmp_path)
    np.testing.assert_array_equal(example.image[..., ::-1], cv2.imread(str(path)))


def test_a_value_past_the_last_class(write: Callable, photo: Callable, tmp_path: Path) -> None:
    write("images/validation/a.jpg", photo(1, 2))
    path = write("annotations/validation/a.png", np.array([[150, 151]], np.uint8))
    with pytest.raises(InputError) as caught:
        list(open_dataset("ade20k", tmp_path))
    assert str(caught.value) == (
        f"{path}: a label map of this data set holds 1 to 150 for the 150 classes, and 0 or 255 "
        "for what is ignored; this one holds 151 (number of pixels: 1)"
    )


def test_no_such_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ADE20K has the splits train and val, not 'test'"):
        open_dataset("ade20k", tmp_path, "test")


def test_another_folder(write: Callable, photo: Callable, tmp_path: Path) -> None:
    write("ADEChallengeData2016/images/validation/a.jpg", photo(1, 2))
    with pytest.raises(InputError, match="no pictures found") as caught:
        open_dataset("ade20k", tmp_path)
    assert str(tmp_path / "images" / "validation" / "*.jpg") in str(caught.value)
    assert "ADEChallengeData2016 has images/validation/NAME.jpg" in str(caught.value)


def test_no_annotation(write: Callable, photo: Callable, tmp_path: Path) -> None:
    path = write("images/validation/a.jpg", photo(1, 2))
    wanted = tmp_path / "annotations" / "validation" / "a.png"
    with pytest.raises(InputError) as caught:
        open_dataset("ade20k", tmp_path)
    assert str(caught.value) == f"{path} has no label map: looked for {wanted}"
