"""Does an artefact compute what the PyTorch network computes?"""

import numpy as np

from export.evaluation.gates import parity_tolerance
from export.evaluation.runners import Run
from ocrnet.artefacts import Precision
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size

# Sizes other than the traced one: below the network's own stride, odd, prime, one row, one column.
DYNAMIC_SIZES = (
    Size(64, 96),
    Size(97, 131),
    Size(33, 250),
    Size(127, 61),
    Size(1, 40),
    Size(45, 1),
)


def compare(
    expected_of: Run, actual_of: Run, sizes: tuple[Size, ...], precision: Precision
) -> dict[str, float]:
    """Return the largest error over the largest logit, per size.

    Pictures are noise from a fixed seed; the first of several sizes is run as a batch of two.
    Raises ArtefactError past `parity_tolerance`.
    """
    rng = np.random.default_rng(0)
    errors = {}
    for index, size in enumerate(sizes):
        batch = 2 if index == 0 and len(sizes) > 1 else 1
        images = rng.integers(0, 256, (batch, size.height, size.width, 3), dtype=np.uint8)
        expected, actual = expected_of(images), actual_of(images)
        if actual.shape != expected.shape:
            raise ArtefactError(f"logits are {actual.shape} at {size}, not {expected.shape}")
        errors[str(size)] = float(np.abs(actual - expected).max() / np.abs(expected).max())
    worst, allowed = max(errors.values()), parity_tolerance(precision)
    if not worst <= allowed:
        raise ArtefactError(
            f"logits are off by {worst:.2g} of the largest, {allowed} is allowed for {precision}"
        )
    return errors
