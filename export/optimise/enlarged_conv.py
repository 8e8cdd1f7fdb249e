"""A 3×3 convolution of a bilinearly enlarged tensor, without enlarging it first.

Enlarging and shifting by a tap are fixed linear maps, each separable into rows and columns, and
they commute with what a tap does to the channels. So, for the tap at row offset i and column
offset j, with Rᵢ and Cⱼ the resize matrices of rows and columns shifted by that offset (rows that
fall outside are zero: the zero padding):

    conv(enlarge(x), w) = Σᵢ Rᵢ · Σⱼ (wᵢⱼ · x) · Cⱼᵀ

The channel products run at the small size, and what is left are two small matrix products. It pays
for the branches at 1/4 and 1/8 of the target's size; at 1/2 the two products cost what they save.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from export.network.layers import resize


def conv3x3_of_enlarged(
    x: Tensor, weight: Tensor, height: int, width: int, *, align_corners: bool
) -> Tensor:
    """Return conv2d(resize(x, height, width), weight, padding=1), up to rounding.

    x: (N, C, h, w); weight: (O, C, 3, 3) → (N, O, height, width), channels last in memory.
    """
    batch, channels, low_height, low_width = x.shape
    out = weight.shape[0]
    rows = shifted(low_height, height, align_corners=align_corners).to(x)  # (height, 3, h)
    columns = shifted(low_width, width, align_corners=align_corners).to(x)  # (width, 3, w)
    tokens = x.permute(0, 2, 3, 1).reshape(-1, channels)
    taps = tokens @ weight.permute(1, 2, 3, 0).reshape(channels, -1)
    taps = taps.view(batch, low_height, low_width, 3, 3, out)
    by_row = taps.permute(0, 3, 1, 4, 2, 5).reshape(batch * 3 * low_height, 3 * low_width, out)
    wide = columns.flatten(1) @ by_row  # (N·3·h, width, O)
    high = rows.flatten(1) @ wide.view(batch, 3 * low_height, width * out)
    return high.view(batch, height, width, out).permute(0, 3, 1, 2)


def shifted(low: int, high: int, *, align_corners: bool) -> Tensor:
    """Resize matrices of one axis for the taps at -1, 0 and +1: float64 (high, 3, low)."""
    eye = torch.eye(low, dtype=torch.float64)[None, None]  # (1, 1, source, column)
    matrix = resize(eye, high, low, align_corners=align_corners)[0, 0]  # (high, low)
    padded = pad(matrix, (0, 0, 1, 1))
    return torch.stack([padded[tap : tap + high] for tap in range(3)], dim=1)
