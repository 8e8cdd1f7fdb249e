"""Bilinear interpolation of logits as PyTorch does it, without antialiasing.

Source of the coordinates: `torch.nn.functional.interpolate(mode="bilinear")`. With
`align_corners=False` an output pixel's centre (i + 1/2) · in/out − 1/2 is clamped at
0; with True, the corner pixels of both grids coincide.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class InterpolationWeights:
    """For each output position: two input positions and the weight of the second."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    weight: Floats


def interpolation_weights(
    size_in: int, size_out: int, *, align_corners: bool
) -> InterpolationWeights:
    """Return the weights from `size_in` to `size_out` positions along one axis."""
    position = np.arange(size_out, dtype=np.float32)
    if align_corners:
        scale = (
            np.float32(size_in - 1) / np.float32(size_out - 1) if size_out > 1 else np.float32(0)
        )
        source = position * scale
    else:
        scale = np.float32(size_in) / np.float32(size_out)
        source = np.maximum((position + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0))
    low = np.minimum(source.astype(np.intp), size_in - 1)
    high = np.minimum(low + 1, size_in - 1)
    return InterpolationWeights(low, high, source - low.astype(np.float32))


def interpolate_rows(planes: Floats, along: InterpolationWeights) -> Floats:
    """(C, h, w) → (C, len(along.low), w)."""
    weight = along.weight[:, None]
    mixed: Floats = planes[:, along.low] * (1 - weight)
    mixed += planes[:, along.high] * weight
    return mixed


def interpolate_columns(planes: Floats, width: int, *, align_corners: bool) -> Floats:
    """(C, h, w) → (C, h, width)."""
    channels, height, width_in = planes.shape
    if width == width_in:
        return planes
    rows = np.ascontiguousarray(planes).reshape(channels * height, width_in)
    if align_corners:  # OpenCV has half-pixel centres only
        along = interpolation_weights(width_in, width, align_corners=True)
        matrix = np.zeros((width_in, width), np.float32)
        columns = np.arange(width)
        matrix[along.low, columns] = 1 - along.weight
        matrix[along.high, columns] += along.weight
        wide = rows @ matrix
    else:
        wide = cv2.resize(rows, (width, len(rows)), interpolation=cv2.INTER_LINEAR).astype(
            np.float32, copy=False
        )
    result: Floats = wide.reshape(channels, height, width)
    return result
