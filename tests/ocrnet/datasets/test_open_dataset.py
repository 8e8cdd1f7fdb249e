"""What holds whatever the layout; ADE20K's is the shortest."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ocrnet.datasets import folder, open_dataset
from ocrnet.errors import InputError
from ocrnet.zoo import DATASETS


@pytest.fixture
def pair(write: Callable, photo: Callable) -> tuple[Path, Path]:
    picture = write("images/validation/a.jpg", photo(4, 6))
    return picture, write("annotations/validation/a.png", np.ones((4, 6), np.uint8))


def _error(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        list(open_dataset("ade20k", folder))
    return str(caught.value)


def test_every_data_set_of_the_zoo_has_a_layout() -> None:
    assert set(folder._LAYOUTS) == set(DATASETS)


def test_an_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'coco'; there are cityscapes, ade20k, voc12"):
        open_dataset("coco", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_that_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    for missing in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(InputError, match=f"there is no folder {missing} to read {name} from"):
            open_dataset(name, missing)


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no pictures found|is not the folder VOC2012"):
        open_dataset(name, tmp_path)


def test_a_limit_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        open_dataset("ade20k", tmp_path, limit=0)


def test_nothing_is_decoded_before_its_turn(
    write: Callable, photo: Callable, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    write("images/validation/b.jpg", photo(4, 6)).write_bytes(b"")
    write("annotations/validation/b.png", np.ones((4, 6), np.uint8))
    dataset = open_dataset("ade20k", tmp_path)
    assert len(dataset) == 2
    for _ in range(2):  # each iteration starts anew
        examples = iter(dataset)
        assert next(examples).name == "a"
        with pytest.raises(InputError, match=r"b\.jpg: the picture is empty"):
            next(examples)


def test_sizes_that_differ(write: Callable, pair: tuple[Path, Path], tmp_path: Path) -> None:
    picture, labels = pair
    write("annotations/validation/a.png", np.ones((6, 4), np.uint8))
    assert _error(tmp_path) == (
        f"{labels} has 6x4 pixels, its picture {picture} has 4x6 (HEIGHTxWIDTH): they must be the "
        "same"
    )


def test_a_damaged_picture_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    picture, _ = pair
    picture.write_bytes(picture.read_bytes()[:-40])
    assert _error(tmp_path).startswith(f"{picture}: the JPEG picture is cut off")


def test_a_damaged_label_map_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    _, labels = pair
    labels.write_bytes(labels.read_bytes()[:-20])
    assert _error(tmp_path).startswith(f"{labels}: the PNG picture is cut off")


def test_damage_that_only_pillow_sees(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A wrong checksum in a chunk that pixels do not need."""
    _, labels = pair
    whole = labels.read_bytes()
    labels.write_bytes(whole[:33] + b"\0\0\0\4gAMA" + bytes(8) + whole[33:])
    assert _error(tmp_path) == f"{labels}: its data does not decode"


@pytest.mark.parametrize("mode", ["RGB", "1", "LA", "I;16"])
def test_a_png_that_is_no_label_map(
    write: Callable, pair: tuple[Path, Path], tmp_path: Path, mode: str
) -> None:
    _, labels = pair
    write("annotations/validation/a.png", np.ones((4, 6), np.uint8), mode)
    assert _error(tmp_path) == (
        f"{labels}: a label map is a grey or palette PNG of 8 bits, not a PNG of Pillow's mode "
        f"{mode}"
    )


def test_a_jpeg_is_no_label_map(pair: tuple[Path, Path], tmp_path: Path) -> None:
    picture, labels = pair
    labels.write_bytes(picture.read_bytes())
    assert "not a JPEG of Pillow's mode RGB" in _error(tmp_path)
