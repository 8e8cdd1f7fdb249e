from io import BytesIO

import numpy as np
from PIL import Image

from ocrnet.masks import class_shares, palette_png
from ocrnet.zoo import load_labels


def test_pixel_values_are_class_indices_and_the_palette_is_the_data_set_s() -> None:
    labels = load_labels("ade20k")
    label_map = (np.arange(150 * 7).reshape(30, 35) % 150).astype(np.uint8)
    picture = Image.open(BytesIO(palette_png(label_map, labels)))
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), label_map)
    np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), labels.colours[label_map])


def test_shares_count_every_pixel_once_largest_first() -> None:
    label_map = np.array([[0, 0, 0], [8, 8, 18]], np.uint8)
    shares = class_shares(label_map, load_labels("cityscapes"))
    assert [(row["name"], row["pixels"]) for row in shares] == [
        ("road", 3),
        ("vegetation", 2),
        ("bicycle", 1),
    ]
    assert shares[0]["share"] == 0.5
    assert shares[2]["colour"] == [119, 11, 32]
