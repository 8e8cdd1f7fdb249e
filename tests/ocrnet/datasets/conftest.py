from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.datasets import Dataset


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write an array below the test's folder; the file name's ending is the format."""

    def write(name: str, array: NDArray[np.uint8], mode: str | None = None, **options: int) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(array)
        if mode == "P":
            picture = Image.frombytes("P", picture.size, array.tobytes())
            picture.putpalette(np.arange(256, dtype=np.uint8).repeat(3)[::-1].tobytes())
        elif mode is not None:
            picture = picture.convert(mode)
        file = BytesIO()
        picture.save(file, {".jpg": "JPEG", ".png": "PNG"}[path.suffix], **options)
        path.write_bytes(file.getvalue())
        return path

    return write


@pytest.fixture(scope="session")
def photo() -> Callable[..., NDArray[np.uint8]]:
    """Make a picture with something in it."""

    def photo(height: int, width: int) -> NDArray[np.uint8]:
        y, x = np.mgrid[:height, :width]
        return np.stack([x * 7, y * 5, (x * y) % 31 * 8], axis=-1).astype(np.uint8)

    return photo


@pytest.fixture(scope="session")
def names() -> Callable[[Dataset], list[str]]:
    """Name the examples; each must be of the right kind."""

    def names(dataset: Dataset) -> list[str]:
        return [example.name for example in _checked(dataset)]

    return names


def _checked(dataset: Dataset) -> Iterable:
    examples = list(dataset)
    assert len(examples) == len(dataset)
    for example in examples:
        assert example.image.dtype == example.labels.dtype == np.uint8
        assert example.image.shape == (*example.labels.shape, 3)
    return examples
