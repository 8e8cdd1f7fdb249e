from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocrnet.datasets import open_dataset
from ocrnet.errors import InputError


@pytest.fixture
def voc(write: Callable, photo: Callable, tmp_path: Path) -> Path:
    """Three pictures of odd sizes; val.txt lists two of them."""
    values = np.append(np.arange(21), [255] * 4).astype(np.uint8)
    for name, shape in (("2007_b", (5, 5)), ("2007_a", (1, 25)), ("2008_c", (25, 1))):
        write(f"JPEGImages/{name}.jpg", photo(*shape))
        write(f"SegmentationClass/{name}.png", values.reshape(shape), "P")
    _list(tmp_path, "val", "2007_b\n2007_a \n\n2007_b\n")
    _list(tmp_path, "train", "2008_c\n")
    return tmp_path


def _list(folder: Path, split: str, text: str) -> None:
    path = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_what_a_list_names_sorted_and_once(voc: Path, names: Callable) -> None:
    dataset = open_dataset("voc12", voc)
    assert names(dataset) == ["2007_a", "2007_b"]
    for example in dataset:
        assert example.labels.ravel().tolist() == [*range(21), 255, 255, 255, 255]
    assert names(open_dataset("voc12", voc, limit=1)) == ["2007_a"]
    assert names(open_dataset("voc12", voc, "train")) == ["2008_c"]


def test_palettes_of_fewer_bits(write: Callable, voc: Path) -> None:
    for bits in (1, 2, 4):
        stored = np.arange(25, dtype=np.uint8).reshape(25, 1) % 2**bits
        path = write("SegmentationClass/2008_c.png", stored, "P", bits=bits)
        assert path.read_bytes()[24] == bits
        (example,) = open_dataset("voc12", voc, "train")
        np.testing.assert_array_equal(example.labels, stored)


@pytest.mark.parametrize("above", ["VOC2012", "VOCdevkit/VOC2012"])
def test_a_folder_above(write: Callable, photo: Callable, tmp_path: Path, above: str) -> None:
    write(f"{above}/JPEGImages/a.jpg", photo(1, 2))
    with pytest.raises(InputError, match="there is no JPEGImages in it") as caught:
        open_dataset("voc12", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path} is not the folder VOC2012")
    assert "all below VOCdevkit/VOC2012" in str(caught.value)


def test_no_such_split(voc: Path) -> None:
    with pytest.raises(InputError, match=r"there is no .*test\.txt; .* are there: train, val; "):
        open_dataset("voc12", voc, "test")


def test_an_empty_list(voc: Path) -> None:
    _list(voc, "none", "\n")
    with pytest.raises(InputError, match=r"no pictures found: looked for .*none\.txt; "):
        open_dataset("voc12", voc, "none")


def test_a_name_without_a_picture(voc: Path) -> None:
    _list(voc, "val", "2007_a\n2007_missing\n")
    with pytest.raises(InputError, match=r"val\.txt names 2007_missing, but there is no .*\.jpg"):
        open_dataset("voc12", voc)


def test_a_picture_without_labels(voc: Path) -> None:
    (voc / "SegmentationClass" / "2007_b.png").unlink()
    with pytest.raises(InputError, match=r"2007_b\.jpg has no label map: looked for .*2007_b\.png"):
        open_dataset("voc12", voc)


def test_a_value_past_the_last_class(write: Callable, voc: Path) -> None:
    write("SegmentationClass/2008_c.png", np.full((25, 1), 21, np.uint8), "P")
    with pytest.raises(InputError, match=r"0 to 20 for the 21 .* holds 21 \(.*: 25\)"):
        list(open_dataset("voc12", voc, "train"))
