"""Does an exported graph compute what the PyTorch network computes?"""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from export.network import OCRNet
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size

# Of the largest logit; the project's bar for float32.
TOLERANCE = 1e-4
# Sizes other than the traced one: below the network's own stride, odd, prime, one row, one column.
DYNAMIC_SIZES = (
    Size(64, 96),
    Size(97, 131),
    Size(33, 250),
    Size(127, 61),
    Size(1, 40),
    Size(45, 1),
)


def compare(network: OCRNet, path: Path, sizes: tuple[Size, ...]) -> dict[str, float]:
    """Return the largest error over the largest logit, ONNX Runtime against PyTorch, per size.

    Pictures are noise from a fixed seed; the first size is run as a batch of two. Raises
    ArtefactError past the tolerance.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    errors = {}
    for index, size in enumerate(sizes):
        batch = 2 if index == 0 and len(sizes) > 1 else 1
        images = rng.integers(0, 256, (batch, size.height, size.width, 3), dtype=np.uint8)
        with torch.inference_mode():
            expected = network(torch.from_numpy(images)).numpy()
        (actual,) = session.run(["logits"], {"image": images})
        if actual.shape != expected.shape:
            raise ArtefactError(f"{path} gives {actual.shape} at {size}, not {expected.shape}")
        errors[str(size)] = float(np.abs(actual - expected).max() / np.abs(expected).max())
    worst = max(errors.values())
    if not worst <= TOLERANCE:
        raise ArtefactError(
            f"{path} is off by {worst:.2g} of the largest logit, {TOLERANCE} is allowed"
        )
    return errors
