import hashlib

import numpy as np
import pytest

from ocrnet.scenes import IGNORE, draw_scene


def test_a_seed_gives_the_same_scene_and_another_one_another() -> None:
    one, same, other = draw_scene(5, 96, 192), draw_scene(5, 96, 192), draw_scene(6, 96, 192)
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.labels, same.labels)
    assert (one.labels != other.labels).any()


def test_label_maps_are_pinned() -> None:
    """The demo model was trained and is judged on these; a change here asks for a new training."""
    digest = hashlib.sha256()
    for seed in range(8):
        digest.update(draw_scene(seed, 128, 256).labels.tobytes())
    assert digest.hexdigest()[:16] == "9e7b0c4ccd40e7de"


@pytest.mark.parametrize(("height", "width"), [(32, 32), (97, 333), (512, 1024)])
def test_any_size(height: int, width: int) -> None:
    scene = draw_scene(1, height, width)
    assert scene.image.shape == (height, width, 3)
    assert scene.labels.shape == (height, width)
    assert scene.image.dtype == scene.labels.dtype == np.uint8


def test_all_classes_and_the_ignored_one_appear() -> None:
    seen = set()
    for seed in range(30):
        seen |= set(np.unique(draw_scene(seed, 128, 256).labels).tolist())
    assert seen == {*range(19), IGNORE}


def test_refuses_a_size_too_small_to_draw() -> None:
    with pytest.raises(ValueError, match="at least 32x32"):
        draw_scene(0, 31, 64)
