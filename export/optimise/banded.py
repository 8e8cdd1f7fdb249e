"""A 3×3 convolution of a bilinearly enlarged tensor, for one size, as small matrix products.

The algebra is that of enlarged_conv.py: for the tap at row offset i and column offset j, with Rᵢ
and Cⱼ the resize matrices of rows and columns shifted by that offset,

    conv(enlarge(x), w) = Σᵢ Rᵢ · Σⱼ (wᵢⱼ · x) · Cⱼᵀ

Here the size is known, so zeros are not multiplied: each block of `_BLOCK` columns of the result
depends on a few neighbouring columns of x, which are gathered, and all blocks are one batched
product. Rows are one dense product: they have no block structure that pays for a gather of theirs.
"""

import torch
from torch import Tensor, nn

from export.optimise.enlarged_conv import shifted
from ocrnet.zoo import Size

_BLOCK = 64


class BandedConv(nn.Module):
    """conv2d(resize(x, size), weight, padding=1) of one branch, without a bias."""

    columns: Tensor
    products: Tensor
    rows: Tensor
    weight: Tensor

    def __init__(self, weight: Tensor, low: Size, high: Size, *, align_corners: bool):
        """weight: (O, C, 3, 3); low: the branch's size; high: the result's."""
        super().__init__()
        self._low, self._high, self._out = low, high, int(weight.shape[0])
        across = shifted(low.width, high.width, align_corners=align_corners)  # (W, 3, w)
        down = shifted(low.height, high.height, align_corners=align_corners)  # (H, 3, h)
        starts, span = _bands(across)
        self._blocks, self._terms = len(starts), 3 * span
        columns = [start + k for start in starts for k in range(span)]
        blocks = [
            across[block * _BLOCK : (block + 1) * _BLOCK, :, start : start + span]
            for block, start in enumerate(starts)
        ]
        # The last block may be narrower: its missing columns are zero and cut off again.
        products = torch.zeros(len(blocks), _BLOCK, span, 3, dtype=torch.float64)
        for block, part in zip(products, blocks, strict=True):
            block[: len(part)] = part.permute(0, 2, 1)
        kind = weight.dtype
        self.register_buffer("weight", weight.permute(1, 2, 3, 0).flatten(1).contiguous())
        self.register_buffer("columns", torch.tensor(columns))
        self.register_buffer("products", products.flatten(2).to(kind))
        self.register_buffer("rows", down.permute(0, 2, 1).flatten(1).to(kind).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, h, w) → (N, H, W, O), channels last."""
        low, high, out = self._low, self._high, self._out
        tokens = x.permute(0, 2, 3, 1).reshape(-1, low.pixels, x.shape[1])
        taps = tokens @ self.weight  # (N, h·w, 9·O), the nine in the order i, j
        taps = taps.view(-1, low.height, low.width, 3, 3 * out).permute(0, 1, 3, 2, 4)
        near = taps.index_select(3, self.columns)
        near = near.reshape(-1, 3 * low.height, self._blocks, self._terms, out)
        wide = (self.products @ near).reshape(-1, 3 * low.height, self._blocks * _BLOCK, out)
        if self._blocks * _BLOCK != high.width:
            wide = wide[:, :, : high.width]
        wide = wide.reshape(-1, 3 * low.height, high.width * out)  # rows in the order h, i
        return (self.rows @ wide).view(-1, high.height, high.width, out)


def _bands(across: Tensor) -> tuple[list[int], int]:
    """For each block of result columns: the first low column that it needs, and how many do."""
    low = across.shape[2]
    needed = []
    for first in range(0, len(across), _BLOCK):
        used = across[first : first + _BLOCK].abs().sum((0, 1)).nonzero().flatten()
        needed.append((int(used.min()), int(used.max()) + 1))
    span = max(end - start for start, end in needed)
    return [min(start, low - span) for start, _ in needed], span
