"""What artefacts are judged on: drawn scenes or a data set's pictures, in a graph's own size."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ocrnet.datasets import Dataset, Example, SyntheticScenes
from ocrnet.zoo import DATASETS, ModelSpec, Size


class LabelledImages(Protocol):
    """Examples for any graph."""

    @property
    def labelled(self) -> bool:
        """Whether the labels are of the model's own classes."""

    def __len__(self) -> int: ...

    def __str__(self) -> str: ...

    def of_size(self, size: Size | None) -> Iterator[Example]:
        """Yield them in the size of a fixed graph, or for None in their own."""


@dataclass(frozen=True)
class SceneImages:
    """Drawn scenes, drawn in the size that is asked for; `size` is for graphs that take any.

    Their labels are those of Cityscapes: models of other data sets are judged without.
    """

    spec: ModelSpec
    first_seed: int
    count: int
    size: Size

    @property
    def labelled(self) -> bool:
        """As LabelledImages.labelled."""
        return self.spec.dataset == "cityscapes"

    def __len__(self) -> int:
        return self.count

    def __str__(self) -> str:
        last = self.first_seed + self.count - 1
        without = "" if self.labelled else f", which have no {DATASETS[self.spec.dataset]} labels"
        scenes = f"drawn scenes {self.first_seed} to {last}{without}"
        return f"{scenes} ({self.size} for graphs of any size)"

    def of_size(self, size: Size | None) -> Iterator[Example]:
        """As LabelledImages.of_size."""
        yield from SyntheticScenes(self.first_seed, self.count, size or self.size)


@dataclass(frozen=True)
class DatasetImages:
    """The pictures of a data set's split; for a fixed graph, of each the middle."""

    data: Dataset
    split: str

    @property
    def labelled(self) -> bool:
        """As LabelledImages.labelled."""
        return True

    def __len__(self) -> int:
        return len(self.data)

    def __str__(self) -> str:
        return f"{len(self)} pictures of {DATASETS[self.data.dataset]} {self.split}"

    def of_size(self, size: Size | None) -> Iterator[Example]:
        """As LabelledImages.of_size."""
        for example in self.data:
            yield example if size is None else middle(example, size)


def middle(example: Example, size: Size) -> Example:
    """Cut out the middle; what is smaller is enlarged first, since nothing is ever padded.

    Pictures are enlarged bilinearly, label maps to the nearest.
    """
    image, labels = example.image, example.labels
    height, width = labels.shape
    factor = max(size.height / height, size.width / width)
    if factor > 1:
        new = (max(round(width * factor), size.width), max(round(height * factor), size.height))
        image = np.asarray(cv2.resize(image, new, interpolation=cv2.INTER_LINEAR), np.uint8)
        labels = np.asarray(cv2.resize(labels, new, interpolation=cv2.INTER_NEAREST), np.uint8)
        height, width = labels.shape
    top, left = (height - size.height) // 2, (width - size.width) // 2
    rows, columns = slice(top, top + size.height), slice(left, left + size.width)
    return Example(
        example.name, np.ascontiguousarray(image[rows, columns]), labels[rows, columns].copy()
    )
