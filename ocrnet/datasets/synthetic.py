"""Drawn street scenes as a data set."""

from collections.abc import Iterator
from dataclasses import dataclass

from ocrnet.datasets.dataset import Example
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size


@dataclass(frozen=True)
class SyntheticScenes:
    """The scenes of `count` seeds from `first_seed` on, each drawn when it is asked for.

    Raises ValueError for a negative seed or no scenes, and when iterating for a size that
    `draw_scene` refuses.
    """

    first_seed: int
    count: int
    size: Size

    def __post_init__(self) -> None:
        if self.first_seed < 0 or self.count < 1:
            raise ValueError(
                f"seeds start at 0 and there is at least one scene, not seed {self.first_seed}, "
                f"count {self.count}"
            )

    @property
    def dataset(self) -> str:
        """Scenes have the classes of Cityscapes."""
        return "cityscapes"

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Example]:
        for seed in range(self.first_seed, self.first_seed + self.count):
            scene = draw_scene(seed, self.size.height, self.size.width)
            yield Example(f"drawn_{seed:06d}", scene.image, scene.labels)
