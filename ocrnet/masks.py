"""From label maps to what is sent back."""

from io import BytesIO

import numpy as np
from PIL import Image

from ocrnet.argmax import LabelMap
from ocrnet.zoo.spec import Labels

# Drawn label maps of 1024x2048: level 3 takes 4 ms and 30 kB, level 6 (zlib's own) 11 ms and 20 kB.
_PNG_LEVEL = 3


def palette_png(label_map: LabelMap, labels: Labels) -> bytes:
    """Encode a palette PNG: pixel values are class indices, colours the data set's."""
    picture = Image.fromarray(label_map, mode="P")
    picture.putpalette(labels.colours.tobytes())
    file = BytesIO()
    picture.save(file, "PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()


def class_shares(label_map: LabelMap, labels: Labels) -> list[dict[str, object]]:
    """Count pixels per class: index, name, colour, pixels and share of every class present."""
    counts = np.bincount(label_map.ravel(), minlength=len(labels.names))
    return [
        {
            "index": int(index),
            "name": labels.names[index],
            "colour": labels.colours[index].tolist(),
            "pixels": int(counts[index]),
            "share": round(int(counts[index]) / label_map.size, 6),
        }
        for index in np.argsort(-counts, kind="stable")
        if counts[index]
    ]
