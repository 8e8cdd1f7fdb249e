"""The seam between the product and whatever runs the network."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ocrnet.errors import BadEngineOutput
from ocrnet.zoo.spec import Size, check_classes

OutputName = Literal["logits", "labels"]
Images = NDArray[np.uint8]
_NOT_FINITE = 255  # what export/graphs/exact_labels.py makes of an image with such logits


class Engine(Protocol):
    """Runs one model. Safe to use from many tasks of one event loop at once."""

    def outputs(self, size: Size) -> frozenset[str]:
        """Return the names that `infer` answers for images of that size; `logits` is one of them.

        Raises EngineUnavailable when closed.
        """

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """Run images of one shape, uint8 RGB (N, H, W, 3), and return the named output.

        `logits`: float32 or float16 (N, classes, ⌈H/s⌉, ⌈W/s⌉), s the model's output stride.
        `labels`: uint8 (N, H, W), the class of each pixel; only graphs made for whole images have
        it.

        A call that is cancelled while it waits never runs; one that runs already ends its task
        only when it has ended, so that whoever counts calls counts what the engine does.

        Raises EngineUnavailable when closed or without that output, OutOfMemory, and EngineError or
        BadEngineOutput when the run fails for another reason.
        """

    async def close(self) -> None:
        """Give everything back. Closing twice is fine; work under way is finished first."""


def checked_logits(
    output: NDArray[np.generic], classes: int, stride: int, images: Images
) -> NDArray[np.float32]:
    """Return `output` as float32 logits for `images`.

    Raises BadEngineOutput for another shape than (N, classes, ⌈H/stride⌉, ⌈W/stride⌉) or
    values that are not finite, and UnsupportedModel for one class: argmax would say nothing.
    """
    check_classes(classes, "the model")
    number, height, width = images.shape[:3]
    expected = (number, classes, -(-height // stride), -(-width // stride))
    if output.shape != expected:
        raise BadEngineOutput(f"the engine gave logits of shape {output.shape}, not {expected}")
    logits = output.astype(np.float32, copy=False)
    # NaN is both the largest and the smallest. This needs no mask of the same size, and no buffer
    # as a sum in float64 does: NumPy 2.4 crashes the process where it cannot allocate one.
    if not (np.isfinite(logits.max()) and np.isfinite(logits.min())):
        raise BadEngineOutput("the engine gave logits that are not finite")
    return logits


def checked_labels(output: NDArray[np.generic], classes: int, images: Images) -> NDArray[np.uint8]:
    """Return `output` as labels for `images`.

    Raises BadEngineOutput for another shape than (N, H, W), another type than uint8, a class that
    the model does not have or logits that were not finite, and UnsupportedModel for one class.
    """
    check_classes(classes, "the model")
    expected = images.shape[:3]
    if output.shape != expected:
        raise BadEngineOutput(f"the engine gave labels of shape {output.shape}, not {expected}")
    if output.dtype != np.uint8:
        raise BadEngineOutput(f"the engine gave labels of type {output.dtype}, not uint8")
    labels: NDArray[np.uint8] = output.view(np.uint8)
    largest = int(labels.max())
    if largest == _NOT_FINITE:
        raise BadEngineOutput("the engine gave labels of logits that are not finite")
    if largest >= classes:
        raise BadEngineOutput(
            f"the engine gave a label {largest}: the model has the classes 0 to {classes - 1}"
        )
    return labels
