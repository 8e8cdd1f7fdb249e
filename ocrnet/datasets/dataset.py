"""What a data set is: labelled pictures, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Example:
    """A picture with its label map.

    name: no other example of the data set has it. image: uint8 (height, width, 3), RGB, upright.
    labels: uint8 (height, width), class indices in the order of `ocrnet/zoo/labels`, 255 where
    ignored.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


class Dataset(Protocol):
    """Labelled pictures in an order that is the same every time.

    Each iteration starts anew, and makes an example only when it is asked for.
    """

    @property
    def dataset(self) -> str:
        """The zoo's name of the data set whose classes the labels are, as `ModelSpec.dataset`."""

    def __len__(self) -> int:
        """How many examples; no file is read for it."""

    def __iter__(self) -> Iterator[Example]:
        """Yield the examples; raises OcrnetError for one that cannot be used."""
