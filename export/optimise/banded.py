"""A 3×3 convolution of a bilinearly enlarged tensor, for one size, as small matrix products.

The algebra is that of enlarged_conv.py: for the tap at row offset i and column offset j, with Rᵢ
and Cⱼ the resize matrices of rows and columns shifted by that offset,

    conv(enlarge(x), w) = Σᵢ Rᵢ · Σⱼ (wᵢⱼ · x) · Cⱼᵀ

Here the size is known, so zeros are not multiplied: a block of rows and columns of the result
depends on a few neighbouring rows and columns of x alone. They are gathered once, while they are
small, and all blocks are two batched products: first along columns, then along rows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from export.optimise.enlarged_conv import shifted
from ocrnet.zoo import Size

_BLOCK = 64


@dataclass(frozen=True)
class _Bands:
    """One axis of a resize and its three taps, in blocks of the result.

    first: for each block, the first low position that it needs; every block takes `span` of them.
    products: (blocks, _BLOCK, span, 3); the last block may be narrower, what is missing is zero.
    """

    first: list[int]
    span: int
    products: Tensor

    def positions(self) -> Tensor:
        """Low positions of all blocks, (blocks, span)."""
        return torch.tensor(self.first)[:, None] + torch.arange(self.span)


class BandedConv(nn.Module):
    """conv2d(resize(x, size), weight, padding=1) of one branch, without a bias."""

    weight: Tensor
    near: Tensor
    columns: Tensor
    rows: Tensor

    def __init__(self, weight: Tensor, low: Size, high: Size, *, align_corners: bool):
        """weight: (O, C, 3, 3); low: the branch's size; high: the result's."""
        super().__init__()
        self._low, self._high, self._out = low, high, int(weight.shape[0])
        across = _bands(shifted(low.width, high.width, align_corners=align_corners))
        down = _bands(shifted(low.height, high.height, align_corners=align_corners))
        self._across, self._down = len(across.first), len(down.first)
        # Which rows of the taps, at 3·position + i and j·O long, in the order of blocks down, their
        # rows, i, blocks across, their columns.
        row, column = down.positions(), across.positions()
        near = (row[:, :, None, None, None] * low.width + column[None, None, None]) * 3
        near = near + torch.arange(3)[None, None, :, None, None]
        kind = weight.dtype
        self.register_buffer("weight", weight.permute(1, 2, 3, 0).flatten(1).contiguous())
        self.register_buffer("near", near.flatten())
        self.register_buffer("columns", across.products.flatten(2).to(kind))
        self.register_buffer("rows", down.products.flatten(2).to(kind))

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, h, w) → (N, H, W, O), channels last."""
        low, high, out = self._low, self._high, self._out
        tokens = x.permute(0, 2, 3, 1).reshape(-1, low.pixels, x.shape[1])
        taps = tokens @ self.weight  # (N, h·w, 9·O), the nine in the order i, j
        taps = taps.view(-1, 3 * low.pixels, 3 * out).index_select(1, self.near)
        lines = self.rows.shape[0] * self.rows.shape[2]
        taps = taps.view(-1, lines, self._across, self.columns.shape[2], out)
        wide = (self.columns @ taps).reshape(-1, lines, self._across * _BLOCK, out)
        if self._across * _BLOCK != high.width:
            wide = wide[:, :, : high.width]
        wide = wide.reshape(-1, self._down, self.rows.shape[2], high.width * out)
        result = (self.rows @ wide).reshape(-1, self._down * _BLOCK, high.width, out)
        return result if self._down * _BLOCK == high.height else result[:, : high.height]


def _bands(along: Tensor) -> _Bands:
    """along: float64 (high, 3, low), as of `shifted`."""
    low = along.shape[2]
    needed = []
    for first in range(0, len(along), _BLOCK):
        used = along[first : first + _BLOCK].abs().sum((0, 1)).nonzero().flatten()
        needed.append((int(used.min()), int(used.max()) + 1))
    span = max(end - start for start, end in needed)
    firsts = [min(start, low - span) for start, _ in needed]
    products = torch.zeros(len(needed), _BLOCK, span, 3, dtype=torch.float64)
    for block, first in enumerate(firsts):
        part = along[block * _BLOCK : (block + 1) * _BLOCK, :, first : first + span]
        products[block, : len(part)] = part.permute(0, 2, 1)
    return _Bands(firsts, span, products)
