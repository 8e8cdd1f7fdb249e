"""The network for pictures of one size, rewritten: the same logits for less work."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from export.network import OCRNet
from export.network.heads import OCRHead
from export.network.hrnet import HRNet
from export.network.layers import resize
from export.optimise.banded import BandedConv
from export.optimise.fold import folded
from export.optimise.head import TokenHead
from ocrnet.zoo import Size


@dataclass(frozen=True)
class Passes:
    """Which rewritings apply; each alone is exact.

    split_bottleneck: the OCR head's 3×3 convolution of HRNet's four branches, enlarged and
    concatenated, is the sum of one over the two fine branches and one over each coarse branch, the
    latter without enlarging (banded.py). token_head, associative: see head.py; the second needs the
    first.
    """

    split_bottleneck: bool = True
    token_head: bool = True
    associative: bool = True

    def names(self) -> list[str]:
        """Those that apply."""
        return [name for name, applies in vars(self).items() if applies]

    def for_network(self, network: OCRNet) -> "Passes":
        """Without those that the network has no place for: ResNet has no branches."""
        if isinstance(network.backbone, HRNet):
            return self
        return replace(self, split_bottleneck=False)


# Branches at 1/4 and 1/8 stay a convolution: at 1/8 the products cost what they save.
_FINE = 2


class OptimisedNetwork(nn.Module):
    """uint8 RGB (N, H, W, 3) of one H and W → logits float32 (N, K, ⌈H/s⌉, ⌈W/s⌉)."""

    def __init__(self, network: OCRNet, size: Size, passes: Passes = Passes()):
        """size: the picture's. Raises ValueError for passes that need others."""
        super().__init__()
        if passes.associative and not passes.token_head:
            raise ValueError("the pass 'associative' needs 'token_head'")
        passes = passes.for_network(network)
        self.passes = passes
        self._network = network
        self._auxiliary, head = network.decode_head
        assert isinstance(head, OCRHead)
        self._head = head
        self._tokens = (
            TokenHead(head, associative=passes.associative) if passes.token_head else None
        )
        self._bottleneck: SplitBottleneck | None = None
        if passes.split_bottleneck:
            assert isinstance(network.backbone, HRNet)
            sizes = [Size(-(-size.height // 2**k), -(-size.width // 2**k)) for k in (2, 3, 4, 5)]
            self._bottleneck = SplitBottleneck(
                head, network.backbone.channels_out, sizes, align_corners=network.align_corners
            )

    def forward(self, image: Tensor) -> Tensor:
        """Shapes as the class says."""
        network = self._network
        found = network.backbone(network.normalise(image))
        if isinstance(network.backbone, HRNet):
            coarse = fine = network.at_finest(found)
        else:
            coarse, fine = found
        aux_logits = self._auxiliary(coarse)
        if self._bottleneck is None:
            features = self._head.bottleneck(fine)
        else:
            features = self._bottleneck(found)
        if self._tokens is None:
            logits: Tensor = self._head.classify(features, aux_logits)
            return logits
        result: Tensor = self._tokens(features, aux_logits)
        return result


class SplitBottleneck(nn.Module):
    """HRNet's branches, finest first → what the head's 3×3 convolution makes of them together."""

    weight: Tensor
    bias: Tensor

    def __init__(
        self, head: OCRHead, channels: list[int], sizes: list[Size], *, align_corners: bool
    ):
        super().__init__()
        self._align_corners = align_corners
        weight, bias = folded(head.bottleneck)
        parts = torch.split(weight, channels, dim=1)
        self.register_buffer("weight", torch.cat(parts[:_FINE], dim=1))
        self.register_buffer("bias", bias)
        self._coarse = nn.ModuleList(
            BandedConv(part, size, sizes[0], align_corners=align_corners)
            for part, size in zip(parts[_FINE:], sizes[_FINE:], strict=True)
        )

    def forward(self, branches: list[Tensor]) -> Tensor:
        """(N, Cₖ, hₖ, wₖ) each → (N, 512, h₀, w₀)."""
        height, width = branches[0].shape[2:]
        enlarged = [
            resize(x, height, width, align_corners=self._align_corners) for x in branches[1:_FINE]
        ]
        fine = torch.cat([branches[0], *enlarged], dim=1)
        total = torch.conv2d(fine, self.weight, self.bias, padding=1)
        # On tokens: where the products lie, and where the head goes on.
        total = total.permute(0, 2, 3, 1)
        for part, x in zip(self._coarse, branches[_FINE:], strict=True):
            total = total + part(x)
        return torch.relu(total).permute(0, 3, 1, 2)
