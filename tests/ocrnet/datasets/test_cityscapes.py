from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocrnet.cli import main
from ocrnet.datasets import SyntheticScenes, open_dataset
from ocrnet.errors import InputError
from ocrnet.zoo import Size

# By hand from cityscapesscripts/helpers/labels.py: the trainId of ids 0 to 33.
TRAIN_ID = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13]
TRAIN_ID += [14, 15, 255, 255, 16, 17, 18]


@pytest.fixture
def scenes(tmp_path: Path) -> SyntheticScenes:
    """Three scenes, written into tmp_path by the command."""
    flags = ["--layout", "cityscapes", "--seed", "3", "--count", "3"]
    size = ["--height", "37", "--width", "75"]
    assert main(["scenes", str(tmp_path), *flags, *size]) == 0
    return SyntheticScenes(3, 3, Size(37, 75))


@pytest.mark.parametrize("kind", ["labelTrainIds", "labelIds"])
def test_reads_what_the_command_draws(
    tmp_path: Path, scenes: SyntheticScenes, names: Callable, kind: str
) -> None:
    """Each of the two kinds of labels alone; labelIds say 0 for what is ignored."""
    for path in (tmp_path / "gtFine").rglob("*.png"):
        if not path.stem.endswith(f"_{kind}"):
            path.unlink()
    dataset = open_dataset("cityscapes", tmp_path)
    assert len(dataset) == 3
    assert dataset.dataset == "cityscapes"
    assert names(dataset) == [f"drawn/drawn_00000{seed}_000019" for seed in (3, 4, 5)]
    for read, drawn in zip(dataset, scenes, strict=True):
        np.testing.assert_array_equal(read.image, drawn.image)
        np.testing.assert_array_equal(read.labels, drawn.labels)


def test_all_ids(write: Callable, photo: Callable, tmp_path: Path) -> None:
    write("leftImg8bit/train/a/a_1_leftImg8bit.png", photo(5, 7))
    ids = np.arange(35, dtype=np.uint8).reshape(5, 7)
    ids[4, 6] = 255  # -1, a licence plate
    write("gtFine/train/a/a_1_gtFine_labelIds.png", ids)
    (example,) = open_dataset("cityscapes", tmp_path, "train")
    assert example.labels.ravel().tolist() == [*TRAIN_ID, 255]


def test_train_ids_go_first(write: Callable, photo: Callable, tmp_path: Path) -> None:
    write("leftImg8bit/val/a/a_1_leftImg8bit.png", photo(1, 3))
    write("gtFine/val/a/a_1_gtFine_labelIds.png", np.full((1, 3), 7, np.uint8))
    write("gtFine/val/a/a_1_gtFine_labelTrainIds.png", np.array([[18, 255, 0]], np.uint8))
    (example,) = open_dataset("cityscapes", tmp_path)
    assert example.labels.tolist() == [[18, 255, 0]]


def test_sorted_over_cities_without_hidden_files(
    write: Callable, photo: Callable, names: Callable, tmp_path: Path
) -> None:
    for name in ("b/b_1", "a/a_10", "a/a_2", "a/._a_2", ".a/a_3"):
        write(f"leftImg8bit/val/{name}_leftImg8bit.png", photo(3, 2))
        write(f"gtFine/val/{name}_gtFine_labelTrainIds.png", np.zeros((3, 2), np.uint8))
    write("leftImg8bit/val/a/a_2_rightImg8bit.png", photo(3, 2))
    assert names(open_dataset("cityscapes", tmp_path)) == ["a/a_10", "a/a_2", "b/b_1"]
    assert names(open_dataset("cityscapes", tmp_path, limit=2)) == ["a/a_10", "a/a_2"]


def test_a_picture_without_labels_is_named(tmp_path: Path, scenes: SyntheticScenes) -> None:
    for path in tmp_path.rglob("drawn_000004_*_gtFine_label*"):
        path.unlink()
    with pytest.raises(InputError) as caught:
        open_dataset("cityscapes", tmp_path)
    stem = tmp_path / "gtFine" / "val" / "drawn" / "drawn_000004_000019_gtFine_"
    picture = tmp_path / "leftImg8bit/val/drawn/drawn_000004_000019_leftImg8bit.png"
    assert str(caught.value) == (
        f"{picture} has no label map: looked for {stem}labelTrainIds.png and {stem}labelIds.png"
    )
    assert len(open_dataset("cityscapes", tmp_path, limit=1)) == 1


def test_a_split_that_is_not_there(tmp_path: Path, scenes: SyntheticScenes) -> None:
    with pytest.raises(InputError, match="no pictures found: looked for ") as caught:
        open_dataset("cityscapes", tmp_path, "test")
    assert str(tmp_path / "leftImg8bit" / "test" / "*" / "*_leftImg8bit.png") in str(caught.value)
    assert "gtFine/SPLIT/CITY/NAME_gtFine_labelTrainIds.png" in str(caught.value)
    assert "splits train, val and test" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "valid"),
    [
        ("labelTrainIds", 19, "0 to 18 for the 19 classes, and 255 for what is ignored"),
        ("labelIds", 34, "labelIds, 0 to 33 and 255"),
    ],
)
def test_an_unknown_value(
    write: Callable, photo: Callable, tmp_path: Path, kind: str, value: int, valid: str
) -> None:
    write("leftImg8bit/val/a/a_1_leftImg8bit.png", photo(2, 3))
    values = np.array([[7, value, 7], [value, 200, 255]], np.uint8)
    path = write(f"gtFine/val/a/a_1_gtFine_{kind}.png", values)
    with pytest.raises(InputError) as caught:
        list(open_dataset("cityscapes", tmp_path))
    assert str(caught.value) == (
        f"{path}: a label map of this data set holds {valid}; this one holds {value} "
        "(number of pixels: 2)"
    )
