"""NumPy archives: label maps and logits for those who go on computing."""

from io import BytesIO

import numpy as np

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.maps import HalfLogits
from ocrnet.zoo.spec import Labels


def labels_npz(label_map: LabelMap, labels: Labels) -> bytes:
    """Write `labels`, uint8 (H, W), and `names`: what each index is called."""
    file = BytesIO()
    np.savez_compressed(file, labels=label_map, names=np.array(labels.names))
    return file.getvalue()


def logits_npz(logits: HalfLogits, labels: Labels) -> bytes:
    """Write `logits`, float16 (classes, h, w) at output stride, and `names`."""
    file = BytesIO()
    np.savez(file, logits=logits, names=np.array(labels.names))  # they hardly compress
    return file.getvalue()
