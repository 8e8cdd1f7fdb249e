"""An engine with a known answer: for tests, for clients' tests, and to measure all else."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.errors import EngineUnavailable
from ocrnet.zoo.spec import Size


class FakeEngine:
    """Logits that follow from the pixels, so that the right label map is known exactly.

    The class of an output cell is the red value of its top left pixel, modulo `classes`:
    its logit is 1, all others 0. `labels` says of every pixel what its own red value says.
    """

    def __init__(self, classes: int, output_stride: int = 4, labels_at: Collection[Size] = ()):
        """labels_at: image sizes for which the engine also gives `labels`."""
        self.classes = classes
        self.output_stride = output_stride
        self.labels_at = labels_at
        self.shapes_seen: list[tuple[int, ...]] = []
        self.outputs_seen: list[OutputName] = []
        self._closed = False

    def outputs(self, size: Size) -> frozenset[str]:
        """As Engine.outputs."""
        if self._closed:
            raise EngineUnavailable("the engine is closed")
        return frozenset({"logits", "labels"} if size in self.labels_at else {"logits"})

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer."""
        offered = self.outputs(Size(*images.shape[1:3]))
        if output not in offered:
            raise EngineUnavailable(f"this graph has no output {output!r}, only {sorted(offered)}")
        self.shapes_seen.append(images.shape)
        self.outputs_seen.append(output)
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
