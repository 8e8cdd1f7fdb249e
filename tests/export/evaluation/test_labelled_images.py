import numpy as np
import pytest

from export.evaluation.labelled_images import SceneImages, middle
from export.evaluation.worst_views import WorstViews, difference_map
from ocrnet.datasets import Example
from ocrnet.zoo import Size, get_spec


def _example(height: int, width: int) -> Example:
    labels = np.arange(height * width, dtype=np.int64).reshape(height, width) % 19
    image = np.repeat(labels[..., None], 3, axis=2)
    return Example("one", image.astype(np.uint8), labels.astype(np.uint8))


def test_scenes_are_drawn_in_the_size_of_the_graph() -> None:
    pictures = SceneImages(get_spec("demo"), 3, 2, Size(64, 96))
    assert [e.labels.shape for e in pictures.of_size(None)] == [(64, 96)] * 2
    assert [e.labels.shape for e in pictures.of_size(Size(96, 128))] == [(96, 128)] * 2
    assert [e.name for e in pictures.of_size(None)] == ["drawn_000003", "drawn_000004"]
    assert pictures.labelled
    other = SceneImages(get_spec("ocrnet_hr18_voc12_20k"), 0, 1, Size(64, 96))
    assert not other.labelled
    assert "no Pascal VOC 2012 labels" in str(other)


def test_the_middle_is_cut_out() -> None:
    example = _example(10, 14)
    cut = middle(example, Size(4, 6))
    np.testing.assert_array_equal(cut.labels, example.labels[3:7, 4:10])
    np.testing.assert_array_equal(cut.image, example.image[3:7, 4:10])


@pytest.mark.parametrize("size", [Size(20, 21), Size(7, 40), Size(30, 5)])
def test_what_is_smaller_is_enlarged_and_never_padded(size: Size) -> None:
    example = _example(10, 14)
    cut = middle(example, size)
    assert cut.labels.shape == (size.height, size.width)
    assert cut.image.shape == (size.height, size.width, 3)
    # To the nearest: enlarging makes no class up.
    assert set(np.unique(cut.labels)) <= set(np.unique(example.labels))


def test_the_worst_pictures_are_kept_and_a_single_pixel_is_seen() -> None:
    worst = WorstViews()
    for name, pixels in (("none", 0), ("one", 1), ("many", 50), ("none too", 0), ("few", 7)):
        example = _example(200, 1200)
        changed = np.zeros((200, 1200), bool)
        changed.reshape(-1)[:pixels] = True
        labels = example.labels
        worst.offer(Example(name, example.image, labels), labels, labels, changed)
    assert [view.name for view in worst.views] == ["many", "few"]
    view = worst.views[1]
    assert view.changed == 7 / (200 * 1200)
    assert view.image.shape == view.difference.shape == (67, 400, 3)
    assert view.truth.shape == (67, 400)
    red = (view.difference[..., 0] > 200) & (view.difference[..., 1] < 10)
    assert 4 <= red.sum() < 40


def test_the_difference_colours_what_changed_alone() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    changed = np.eye(4, dtype=bool)
    shown = difference_map(image, changed)
    assert (shown[changed] == (213, 0, 109)).all()
    assert (shown[~changed] == 128).all()


def test_without_a_change_one_picture_is_enough() -> None:
    worst = WorstViews()
    example = _example(20, 30)
    for _ in range(3):
        worst.offer(example, example.labels, example.labels, np.zeros((20, 30), bool))
    assert [view.changed for view in worst.views] == [0.0]
