"""Convolutions of HRNet's enlarged and concatenated branches, as sums over the branches.

A convolution of a concatenation is the sum of those of its parts. The coarse parts are then
convolved at their own size and only enlarged afterwards. The fine ones, at 1/4 and 1/8, stay one
convolution: at 1/8 enlarging afterwards costs what it saves. With 8 bits a convolution is cheaper,
and the one at 1/16 stays too.
"""

import torch
from torch import Tensor, nn

from export.network.heads import AuxiliaryHead, OCRHead
from export.network.layers import ConvNormRelu, resize
from export.optimise.banded import BandedConv
from export.optimise.fold import folded
from ocrnet.zoo import Size

_FINE, _FINE_INT8 = 2, 3


def fine_count(*, convolutions: bool) -> int:
    """How many branches are fine; convolutions: as of Passes."""
    return _FINE_INT8 if convolutions else _FINE


def fine_branches(branches: list[Tensor], *, align_corners: bool) -> Tensor:
    """Some of HRNet's branches, finest first → as one tensor, (N, C₀+C₁+…, h₀, w₀)."""
    height, width = branches[0].shape[2:]
    enlarged = [resize(x, height, width, align_corners=align_corners) for x in branches[1:]]
    return torch.cat([branches[0], *enlarged], dim=1)


class SplitBottleneck(nn.Module):
    """The branches → what the OCR head's 3×3 convolution makes of them together (banded.py)."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        head: OCRHead,
        channels: list[int],
        sizes: list[Size],
        *,
        align_corners: bool,
        convolutions: bool,
    ):
        """channels, sizes: of the branches, finest first. convolutions: as of Passes."""
        super().__init__()
        self._convolutions = convolutions
        self._fine = fine_count(convolutions=convolutions)
        weight, bias = folded(head.bottleneck)
        parts = torch.split(weight, channels, dim=1)
        self.register_buffer("weight", torch.cat(parts[: self._fine], dim=1))
        self.register_buffer("bias", bias)
        self._coarse = nn.ModuleList(
            BandedConv(part, size, sizes[0], align_corners=align_corners)
            for part, size in zip(parts[self._fine :], sizes[self._fine :], strict=True)
        )

    def forward(self, fine: Tensor, branches: list[Tensor]) -> Tensor:
        """fine: of `fine_branches`; (N, Cₖ, hₖ, wₖ) each → (N, 512, h₀, w₀)."""
        total = torch.conv2d(fine, self.weight, self.bias, padding=1)
        coarse = zip(self._coarse, branches[self._fine :], strict=True)
        if self._convolutions:
            # As the convolution has it: the sum becomes part of it.
            for part, x in coarse:
                total = total + part(x).permute(0, 3, 1, 2)
            return torch.relu(total)
        # On tokens: where the products lie, and where the head goes on.
        total = total.permute(0, 2, 3, 1)
        for part, x in coarse:
            total = total + part(x)
        return torch.relu(total).permute(0, 3, 1, 2)


class SplitAuxiliary(nn.Module):
    """The branches → auxiliary logits: a 1×1 convolution commutes with enlarging."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, head: AuxiliaryHead, channels: list[int], *, align_corners: bool, convolutions: bool
    ):
        """channels: of the branches, finest first. convolutions: as of Passes."""
        super().__init__()
        self._align_corners = align_corners
        self._fine = fine_count(convolutions=convolutions)
        convolution = head.convs[0]
        assert isinstance(convolution, ConvNormRelu)
        weight, bias = folded(convolution)
        parts = torch.split(weight, channels, dim=1)
        self.register_buffer("weight", torch.cat(parts[: self._fine], dim=1))
        self.register_buffer("bias", bias)
        for index, part in enumerate(parts[self._fine :]):
            self.register_buffer(f"coarse_{index}", part)
        self._classify = head.conv_seg

    def forward(self, fine: Tensor, branches: list[Tensor]) -> Tensor:
        """fine: of `fine_branches`; (N, Cₖ, hₖ, wₖ) each → (N, K, h₀, w₀)."""
        total = torch.conv2d(fine, self.weight, self.bias)
        for index, x in enumerate(branches[self._fine :]):
            small = torch.conv2d(x, self.get_buffer(f"coarse_{index}"))
            total = total + resize(small, *fine.shape[2:], align_corners=self._align_corners)
        logits: Tensor = self._classify(torch.relu(total))
        return logits
