"""Convolutions of HRNet's enlarged and concatenated branches, as sums over the branches.

A convolution of a concatenation is the sum of those of its parts. The coarse parts are then
convolved at their own size and only enlarged afterwards. The fine ones, at 1/4 and 1/8, stay one
convolution: at 1/8 enlarging afterwards costs what it saves. With 8 bits a convolution is cheaper,
and the one at 1/16 stays too.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from export.network.heads import AuxiliaryHead, OCRHead
from export.network.layers import ConvNormRelu, resize
from export.optimise.coarse_upsample import EnlargedConvs
from export.optimise.convolution_as_product import folded, to_pixels, to_tokens
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
    """The branches → what the OCR head's 3×3 convolution makes of them together.

    The coarse ones take another way (coarse_upsample.py).
    """

    # By the names of nodes below this module in exported graphs, which are those of attributes.
    # Names of operations begin with a capital. The sum is not quantised either: NNCF would round
    # both of its operands.
    LAYER_GROUPS: ClassVar = {
        "coarse branches": rf"Add(_\d)?|_coarse/({EnlargedConvs.ENLARGING})",
        "bottleneck": rf"[A-Z].*|_coarse/({EnlargedConvs.WEIGHT_PRODUCTS})",
    }

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
        self._coarse = EnlargedConvs(
            parts[self._fine :], sizes[self._fine :], sizes[0], align_corners=align_corners
        )

    def forward(self, fine: Tensor, branches: list[Tensor]) -> Tensor:
        """fine: of `fine_branches`; (N, Cₖ, hₖ, wₖ) each → (N, 512, h₀, w₀)."""
        total = torch.conv2d(fine, self.weight, self.bias, padding=1)
        coarse = self._coarse(branches[self._fine :])
        # In the shape of what follows: a runtime would move one of the two into the other's layout.
        if self._convolutions:
            return torch.relu(total + to_pixels(coarse, fine))
        return to_pixels(torch.relu(to_tokens(total) + coarse), fine)


class SplitAuxiliary(nn.Module):
    """The branches → auxiliary logits: a 1×1 convolution commutes with enlarging."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        head: AuxiliaryHead,
        channels: list[int],
        sizes: list[Size],
        *,
        align_corners: bool,
        convolutions: bool,
    ):
        """channels, sizes: of the branches, finest first. convolutions: as of Passes."""
        super().__init__()
        self._fine = fine_count(convolutions=convolutions)
        convolution = head.convs[0]
        assert isinstance(convolution, ConvNormRelu)
        weight, bias = folded(convolution)
        parts = torch.split(weight, channels, dim=1)
        self.register_buffer("weight", torch.cat(parts[: self._fine], dim=1))
        self.register_buffer("bias", bias)
        self._coarse = EnlargedConvs(
            parts[self._fine :], sizes[self._fine :], sizes[0], align_corners=align_corners
        )
        self._classify = head.conv_seg

    def forward(self, fine: Tensor, branches: list[Tensor]) -> Tensor:
        """fine: of `fine_branches`; (N, Cₖ, hₖ, wₖ) each → (N, K, h₀, w₀)."""
        total = to_tokens(torch.conv2d(fine, self.weight, self.bias))
        total = torch.relu(total + self._coarse(branches[self._fine :]))
        logits: Tensor = self._classify(to_pixels(total, fine))
        return logits
