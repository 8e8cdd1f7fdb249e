"""Pictures for the report: those whose labels changed most, with both masks and the difference."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.datasets import Example

_KEPT = 2
_WIDTH = 480
_CHANGED = (213, 0, 109)  # a red that red-green blindness tells from grey


@dataclass(frozen=True)
class View:
    """A picture as it is shown, at most 480 wide.

    image, difference: uint8 (h, w, 3), RGB; truth, expected, actual: label maps, uint8 (h, w).
    changed: share of the full picture's pixels.
    """

    name: str
    changed: float
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    actual: NDArray[np.uint8]
    difference: NDArray[np.uint8]


class WorstViews:
    """Keeps the views of the pictures that changed most."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def offer(
        self,
        example: Example,
        expected: NDArray[np.uint8],
        actual: NDArray[np.uint8],
        changed: NDArray[np.bool_],
    ) -> None:
        """Keep it if it is among the worst; all of full size, (H, W)."""
        share = float(changed.mean())
        # One where nothing changed is enough.
        if self.views and (
            share == 0 or (self.views[-1].changed >= share and len(self.views) == _KEPT)
        ):
            return
        step = -(-changed.shape[1] // _WIDTH)
        image = _smaller(example.image, step)
        view = View(
            name=example.name,
            changed=share,
            image=image,
            truth=example.labels[::step, ::step].copy(),
            expected=expected[::step, ::step].copy(),
            actual=actual[::step, ::step].copy(),
            difference=difference_map(image, _any_of(changed, step)),
        )
        self.views = sorted([*self.views, view], key=lambda view: -view.changed)[:_KEPT]


def difference_map(image: NDArray[np.uint8], changed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour what changed over a pale grey of the picture: uint8 (h, w, 3)."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    pale: NDArray[np.uint8] = np.repeat((128 + grey // 2)[..., None], 3, axis=2)
    pale[changed] = _CHANGED
    return pale


def _smaller(image: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    height, width = (-(-side // step) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _any_of(changed: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Shrink so that a single pixel can be seen: true where any of step×step or beside it is."""
    rows = np.logical_or.reduceat(changed, range(0, changed.shape[0], step), axis=0)
    small = np.logical_or.reduceat(rows, range(0, changed.shape[1], step), axis=1)
    wider: NDArray[np.bool_] = cv2.dilate(small.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return wider
