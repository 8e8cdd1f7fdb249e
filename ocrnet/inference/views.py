"""Test-time augmentation: several views of one picture, averaged."""

from collections.abc import Sequence

import numpy as np

from ocrnet.inference.interpolation import Floats
from ocrnet.inference.logits import LogitsSource
from ocrnet.zoo.spec import Size


class FlippedLogits:
    """A source of a mirrored picture, its columns turned back."""

    def __init__(self, source: LogitsSource):
        self.source = source

    @property
    def size(self) -> Size:
        """As LogitsSource."""
        return self.source.size

    @property
    def finished(self) -> int:
        """As LogitsSource."""
        return self.source.finished

    def rows(self, top: int, bottom: int) -> Floats:
        """As LogitsSource."""
        return self.source.rows(top, bottom)[:, :, ::-1]

    def release(self, row: int) -> None:
        """As LogitsSource."""
        self.source.release(row)


class MeanProbabilities:
    """The mean over views of their softmax: rows of it are probabilities, not logits.

    As mmsegmentation's `SegTTAModel.merge_preds`. All views have the picture's own size.
    """

    def __init__(self, views: Sequence[LogitsSource]):
        self.views = views
        self.size = views[0].size

    @property
    def finished(self) -> int:
        """As LogitsSource: what every view has finished."""
        return min(view.finished for view in self.views)

    def rows(self, top: int, bottom: int) -> Floats:
        """Return float32 (classes, bottom − top, width); each pixel's sum to 1."""
        total = softmax(self.views[0].rows(top, bottom))
        for view in self.views[1:]:
            total += softmax(view.rows(top, bottom))
        total /= len(self.views)
        return total

    def release(self, row: int) -> None:
        """As LogitsSource."""
        for view in self.views:
            view.release(row)


def softmax(logits: Floats) -> Floats:
    """Softmax over the first axis: (classes, h, w) → the same."""
    powers: Floats = np.exp(logits - logits.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers
