"""An engine with a known answer: for tests, for clients' tests, and to measure all else."""

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.errors import EngineUnavailable


class FakeEngine:
    """Logits that follow from the pixels, so that the right label map is known exactly.

    The class of an output cell is the red value of its top left pixel, modulo `classes`:
    its logit is 1, all others 0. `labels` says the same for every pixel.
    """

    def __init__(self, classes: int, output_stride: int = 4):
        self.classes = classes
        self.output_stride = output_stride
        self.shapes_seen: list[tuple[int, ...]] = []
        self._closed = False

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer."""
        if self._closed:
            raise EngineUnavailable("the engine is closed")
        self.shapes_seen.append(images.shape)
        labels: NDArray[np.uint8] = images[..., 0] % self.classes
        if output == "labels":
            return labels
        cells = labels[:, :: self.output_stride, :: self.output_stride]
        # Both uint8: to convert one, NumPy would allocate a buffer, and NumPy 2.4 crashes the
        # process where it cannot.
        one_hot = cells[:, None] == np.arange(self.classes, dtype=np.uint8)[:, None, None]
        logits: NDArray[np.float32] = one_hot.astype(np.float32)
        return logits

    async def close(self) -> None:
        """As Engine.close."""
        self._closed = True
