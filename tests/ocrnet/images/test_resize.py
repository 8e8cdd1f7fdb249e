import numpy as np
import pytest

from ocrnet.images import published_size, resize_image
from ocrnet.zoo import Size
from ocrnet.zoo.spec import ResizeLimits


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        (Size(1024, 2048), ResizeLimits(2048, 1024), Size(1024, 2048)),
        (Size(197, 331), ResizeLimits(2048, 1024), Size(1024, 1721)),
        (Size(197, 331), ResizeLimits(2048, 512), Size(512, 860)),
        (Size(3000, 300), ResizeLimits(2048, 512), Size(2048, 205)),
        (Size(1, 16384), ResizeLimits(2048, 1024), Size(1, 2048)),
    ],
)
def test_published_sizes(size: Size, limits: ResizeLimits, expected: Size) -> None:
    assert published_size(size, limits) == expected


def test_resizing_to_the_same_size_is_no_work() -> None:
    image = np.zeros((24, 36, 3), np.uint8)
    assert resize_image(image, Size(24, 36)) is image
