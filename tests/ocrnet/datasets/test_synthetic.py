from collections.abc import Callable

import numpy as np
import pytest

from ocrnet.datasets import SyntheticScenes, synthetic
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size


def test_scenes_of_consecutive_seeds(names: Callable) -> None:
    scenes = SyntheticScenes(first_seed=7, count=2, size=Size(33, 65))
    assert len(scenes) == 2
    assert scenes.dataset == "cityscapes"
    assert names(scenes) == ["drawn_000007", "drawn_000008"]
    for seed, example in enumerate(scenes, start=7):
        scene = draw_scene(seed, 33, 65)
        np.testing.assert_array_equal(example.image, scene.image)
        np.testing.assert_array_equal(example.labels, scene.labels)


def test_a_scene_is_drawn_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def noting(seed: int, height: int, width: int) -> object:
        seeds.append(seed)
        return draw_scene(seed, height, width)

    monkeypatch.setattr(synthetic, "draw_scene", noting)
    scenes = iter(SyntheticScenes(0, 10**9, Size(32, 32)))
    assert seeds == []
    next(scenes)
    assert seeds == [0]


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0)])
def test_refuses_what_there_is_not(first: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"not seed {first}, count {count}"):
        SyntheticScenes(first, count, Size(32, 32))
