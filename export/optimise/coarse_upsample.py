"""Convolutions of bilinearly enlarged tensors, summed, for one size, as small matrix products.

The algebra is that of enlarged_conv.py: for the tap at row offset i and column offset j, with Rᵢ
and Cⱼ the resize matrices of rows and columns shifted by that offset,

    conv(enlarge(x), w) = Σᵢ Rᵢ · Σⱼ (wᵢⱼ · x) · Cⱼᵀ

Here the size is known, so zeros are not multiplied: a band of rows and a block of columns of the
result depend on a few neighbouring rows and columns of x alone. They are gathered while they are
smallest, before they are convolved. What all tensors need along rows is one product, so the sum
over them costs nothing.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from export.optimise.convolution_as_product import to_tokens
from export.optimise.enlarged_conv import shifted
from ocrnet.zoo import Size

# Bands are as many for every size: int8/transplant.py then finds the same operations in all graphs.
_BANDS, _COLUMNS = 4, 64


class EnlargedConvs(nn.Module):
    """Σ of conv2d(resize(x, size), weight, padding=half of the kernel) of tensors, without bias.

    Names of attributes become those of nodes in exported graphs, which INT8 finds by the two
    patterns: the products of the weights, and all that enlarges and adds.
    """

    WEIGHT_PRODUCTS: ClassVar = r"_parts\.\d+(_\d+)?/taps\.\d+(_\d+)?/.*"
    ENLARGING: ClassVar = r"[A-Z].*|_parts\.\d+(_\d+)?/[A-Z].*"

    def __init__(
        self, weights: Sequence[Tensor], lows: Sequence[Size], high: Size, *, align_corners: bool
    ):
        """weights: (O, C, k, k) each, k 1 or 3 for all; lows: the tensors' sizes; high: of all."""
        super().__init__()
        self._out, taps = int(weights[0].shape[0]), int(weights[0].shape[2])
        parts = [
            _Wide(weight, low, high, align_corners=align_corners)
            for weight, low in zip(weights, lows, strict=True)
        ]
        along = [_taps(low.height, high.height, taps, align_corners) for low in lows]
        bands = [_blocks(one, min(_BANDS, high.height)) for one in along]
        self._bands = len(bands[0][0])
        for band in range(self._bands):
            # Lines of a tensor in the order i, row: as _Wide has them.
            lines = [products[band].permute(0, 2, 1).flatten(1) for _, products in bands]
            left = high.height - band * lines[0].shape[0]
            rows = torch.cat(lines, dim=1)[:left].to(weights[0].dtype)
            self.register_buffer(f"rows_{band}", rows.contiguous())
            for index, (part, (positions, _)) in enumerate(zip(parts, bands, strict=True)):
                self.register_buffer(f"pixels_{index}_{band}", part.pixels(positions[band]))
        self._parts = nn.ModuleList(parts)

    def forward(self, tensors: Sequence[Tensor]) -> Tensor:
        """tensors: (N, C, h, w) each → (N, H·W, O)."""
        tokens = [to_tokens(x) for x in tensors]
        found = []
        for band in range(self._bands):
            wide = [
                part(x.index_select(1, self.get_buffer(f"pixels_{index}_{band}")))
                for index, (part, x) in enumerate(zip(self._parts, tokens, strict=True))
            ]
            found.append(self.get_buffer(f"rows_{band}") @ torch.cat(wide, dim=1))
        return torch.cat(found, dim=1).reshape(tokens[0].shape[0], -1, self._out)


class _Wide(nn.Module):
    """Rows of a tensor, for each row of the kernel convolved and enlarged along columns."""

    columns: Tensor

    def __init__(self, weight: Tensor, low: Size, high: Size, *, align_corners: bool):
        super().__init__()
        self._low, self._width, self._out = low, high.width, int(weight.shape[0])
        along = _taps(low.width, high.width, int(weight.shape[2]), align_corners)
        self._near, products = _blocks(along, -(-high.width // _COLUMNS))
        self._blocks, self._length = int(products.shape[0]), int(products.shape[1])
        # One product for each row i of the kernel, its columns j beside each other.
        self.taps = nn.ModuleList(_Taps(row) for row in weight.permute(2, 1, 3, 0).flatten(2))
        self.register_buffer("columns", products.flatten(2).to(weight))
        self._depth = int(self.columns.shape[2])

    def pixels(self, rows: Tensor) -> Tensor:
        """Positions in h·w of what some low rows need, in the order row, block, column."""
        return (rows[:, None, None] * self._low.width + self._near).flatten()

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens: (N, pixels, C), as of `pixels` → (N, k·rows, W·O), in the order i, row."""
        taps = torch.cat([of_row(tokens) for of_row in self.taps], dim=1)  # (N, k·pixels, k·O)
        taps = taps.view(taps.shape[0], -1, self._blocks, self._depth, self._out)
        wide = (self.columns @ taps).flatten(2, 3)
        if self._blocks * self._length != self._width:
            wide = wide[:, :, : self._width]
        return wide.flatten(2)


class _Taps(nn.Module):
    """A product of its own, so that graphs name it: in INT8 it alone has 8 bits."""

    weight: Tensor

    def __init__(self, weight: Tensor):
        super().__init__()
        self.register_buffer("weight", weight.contiguous())

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens @ self.weight


def _taps(low: int, high: int, count: int, align_corners: bool) -> Tensor:
    """Resize matrices of one axis, float64 (high, taps, low): three as of `shifted`, or one."""
    along = shifted(low, high, align_corners=align_corners)
    return along if count == 3 else along[:, 1:2]


def _blocks(along: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """One axis of a resize in so many blocks of the result.

    along: float64 (high, taps, low). Returns the low positions that each block needs, as many for
    each, (blocks, span), and their products, (blocks, length, span, taps), zero where the last
    block is narrower.
    """
    high, taps, low = along.shape
    length = -(-high // count)
    parts = torch.split(along, length)
    needed = [part.abs().sum((0, 1)).nonzero().flatten() for part in parts]
    span = max(int(one[-1] - one[0]) + 1 for one in needed)
    products = torch.zeros(len(parts), length, span, taps, dtype=torch.float64)
    positions = []
    for block, (part, one) in enumerate(zip(parts, needed, strict=True)):
        first = min(int(one[0]), low - span)
        products[block, : len(part)] = part[:, :, first : first + span].permute(0, 2, 1)
        positions.append(torch.arange(first, first + span))
    return torch.stack(positions), products
