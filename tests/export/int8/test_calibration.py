from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.int8.calibration import Calibration, pictures_of_folder, synthetic_pictures
from ocrnet.errors import InputError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")
VOC = get_spec("ocrnet_hr18_voc12_20k")


@pytest.fixture
def folder(tmp_path: Path, encode: Callable[..., bytes]) -> Path:
    """Ten pictures of one grey each, in two folders, and files that are none."""
    for number in range(10):
        place = tmp_path / ("a" if number < 5 else "b")
        place.mkdir(exist_ok=True)
        image = np.full((60, 80, 3), number * 20, np.uint8)
        (place / f"{number}.png").write_bytes(encode(image))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "a" / "._0.png").write_text("what a Mac leaves")
    return tmp_path


def _greys(images: list[NDArray[np.uint8]]) -> list[int]:
    assert all(image.min() == image.max() for image in images)
    return [int(image.min()) for image in images]


def test_drawn_pictures_are_neither_the_test_s_nor_judged_on_twice() -> None:
    drawn = synthetic_pictures(SPEC, Size(64, 96), 5)
    assert [picture.shape for picture in drawn.calibration] == [(1, 64, 96, 3)] * 5
    assert [example.image.shape for example in drawn.held_out] == [(64, 96, 3)] * 2
    np.testing.assert_array_equal(drawn.calibration[1][0], draw_scene(500_001, 64, 96).image)
    np.testing.assert_array_equal(drawn.held_out[1].labels, draw_scene(600_001, 64, 96).labels)
    assert drawn.origin == "drawn scenes 500000 to 500004"
    assert drawn.labelled


def test_scenes_have_no_labels_for_models_of_other_data_sets() -> None:
    assert not synthetic_pictures(VOC, Size(64, 64), 1).labelled


def test_whole_pictures_are_shrunk_to_calibrate_with_and_judged_as_they_are() -> None:
    drawn = synthetic_pictures(SPEC, Size(1024, 2048), 1)
    np.testing.assert_array_equal(drawn.calibration[0][0], draw_scene(500_000, 512, 1024).image)
    assert drawn.held_out[0].image.shape == (1024, 2048, 3)


def test_a_folder_is_taken_evenly_and_a_part_held_back(folder: Path) -> None:
    few = pictures_of_folder(folder, SPEC, Size(60, 80), 4)
    assert _greys(few.calibration) == [0, 40, 80, 120]
    assert _greys([example.image for example in few.held_out]) == [160]
    assert not few.labelled
    many = pictures_of_folder(folder, SPEC, Size(60, 80), 100)
    assert _greys(many.calibration) == [0, 20, 40, 60, 100, 120, 140, 160]
    assert _greys([example.image for example in many.held_out]) == [80, 180]


@pytest.mark.parametrize(
    ("height", "width"), [(20, 30), (300, 40), (40, 300), (97, 131), (64, 128), (2000, 90)]
)
def test_any_picture_gives_the_size_of_the_graph(
    tmp_path: Path, encode: Callable[..., bytes], height: int, width: int
) -> None:
    columns = np.linspace(0, 255, width).astype(np.uint8)
    image = np.broadcast_to(columns[None, :, None], (height, width, 3))
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encode(np.ascontiguousarray(image)))
    found = pictures_of_folder(tmp_path, SPEC, Size(64, 128), 1)
    (picture,), (example,) = found.calibration, found.held_out
    assert picture.shape == (1, 64, 128, 3)
    assert example.image.shape == (64, 128, 3)
    assert picture.max() > picture.min(), "nothing but one column of it"


def test_places_of_cuts_reach_both_borders(tmp_path: Path, encode: Callable[..., bytes]) -> None:
    image = np.zeros((64, 640, 3), np.uint8)
    image[:, :4], image[:, -4:] = 100, 200
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(encode(image))
    found = pictures_of_folder(tmp_path, SPEC, Size(64, 128), 8)
    values = {int(value) for picture in found.calibration for value in np.unique(picture)}
    assert values == {0, 100, 200}


@pytest.mark.parametrize("files", [[], ["one.png"]])
def test_a_folder_without_enough_pictures_says_how_many(
    tmp_path: Path, encode: Callable[..., bytes], files: list[str]
) -> None:
    for name in files:
        (tmp_path / name).write_bytes(encode(np.zeros((9, 9, 3), np.uint8)))
    with pytest.raises(InputError, match=rf"holds {len(files)} pictures .* at least 2"):
        Calibration(tmp_path, 4).pictures(SPEC, None)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        _ = Calibration(tmp_path / "nowhere").origin


def test_a_file_that_is_no_picture_is_named(folder: Path) -> None:
    broken = folder / "a" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(InputError, match=r"a/1\.png: .*"):
        _ = Calibration(folder).origin
    with pytest.raises(InputError, match=r"a/1\.png: .*"):
        Calibration(folder).pictures(SPEC, Size(60, 80))


def test_the_origin_tells_pictures_apart(folder: Path, encode: Callable[..., bytes]) -> None:
    assert Calibration(None, 4).origin != Calibration(None, 5).origin
    before = Calibration(folder, 4).origin
    assert before.startswith("4 pictures of a folder, SHA-256 ")
    assert Calibration(folder, 4).pictures(SPEC, Size(60, 80)).origin == before
    assert Calibration(folder, 3).origin != before
    (folder / "b" / "8.png").write_bytes(encode(np.zeros((60, 80, 3), np.uint8)))
    assert Calibration(folder, 4).origin != before
