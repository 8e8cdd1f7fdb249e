"""The network for pictures of one size, rewritten: the same logits for less work."""

from typing import ClassVar

from torch import Tensor, nn

from export.network import OCRNet
from export.network.heads import AuxiliaryHead, OCRHead
from export.network.hrnet import HRNet
from export.optimise.branch_convolutions import (
    SplitAuxiliary,
    SplitBottleneck,
    fine_branches,
    fine_count,
)
from export.optimise.head import TokenHead
from export.optimise.passes import Passes
from ocrnet.zoo import Size


class OptimisedNetwork(nn.Module):
    """uint8 RGB (N, H, W, 3) of one H and W → logits float32 (N, K, ⌈H/s⌉, ⌈W/s⌉).

    Nodes of exported graphs have the names of attributes. INT8 sorts them into layer groups by what
    the modules declare, and reports name them. Renaming an attribute changes the graphs.
    """

    # Patterns of node names by attribute and layer group: of those that INT8 graphs have.
    LAYER_GROUPS: ClassVar = {
        "_split_bottleneck": SplitBottleneck.LAYER_GROUPS,
        "_tokens": TokenHead.LAYER_GROUPS,
    }

    def __init__(self, network: OCRNet, size: Size, passes: Passes):
        """size: the picture's.

        Raises ValueError for passes that need others, or a network that has no place for them.
        """
        super().__init__()
        for name in ("associative", "convolutions"):
            if getattr(passes, name) and not passes.token_head:
                raise ValueError(f"the pass {name!r} needs 'token_head'")
        self._network, self._passes = network, passes
        self._auxiliary, head = network.decode_head
        assert isinstance(head, OCRHead)
        self._head = head
        self._tokens = (
            TokenHead(head, associative=passes.associative, convolutions=passes.convolutions)
            if passes.token_head
            else None
        )
        self._split_bottleneck: SplitBottleneck | None = None
        self._split_auxiliary: SplitAuxiliary | None = None
        backbone, corners = network.backbone, network.align_corners
        sizes = [Size(-(-size.height // 2**k), -(-size.width // 2**k)) for k in (2, 3, 4, 5)]
        if passes.split_bottleneck:
            if not isinstance(backbone, HRNet):
                raise ValueError("the pass 'split_bottleneck' needs branches: a ResNet has none")
            self._split_bottleneck = SplitBottleneck(
                head,
                backbone.channels_out,
                sizes,
                align_corners=corners,
                convolutions=passes.convolutions,
            )
        if passes.split_auxiliary:
            if not isinstance(backbone, HRNet):
                raise ValueError("the pass 'split_auxiliary' needs branches: a ResNet has none")
            assert isinstance(self._auxiliary, AuxiliaryHead)
            self._split_auxiliary = SplitAuxiliary(
                self._auxiliary,
                backbone.channels_out,
                sizes,
                align_corners=corners,
                convolutions=passes.convolutions,
            )

    def forward(self, image: Tensor) -> Tensor:
        """Shapes as the class says."""
        network = self._network
        found = network.backbone(network.normalise(image))
        if isinstance(network.backbone, HRNet):
            features, aux_logits = self._of_branches(found)
        else:
            coarse, fine = found
            features, aux_logits = self._head.bottleneck(fine), self._auxiliary(coarse)
        if self._tokens is None:
            logits: Tensor = self._head.classify(features, aux_logits)
            return logits
        result: Tensor = self._tokens(features, aux_logits)
        return result

    def _of_branches(self, branches: list[Tensor]) -> tuple[Tensor, Tensor]:
        """HRNet's branches → what the 3×3 bottleneck and the auxiliary head make of them."""
        # What is not needed of the two is not in the graph.
        joined = self._network.at_finest(branches)
        count = fine_count(convolutions=self._passes.convolutions)
        fine = fine_branches(branches[:count], align_corners=self._network.align_corners)
        if self._split_auxiliary is None:
            aux_logits = self._auxiliary(joined)
        else:
            aux_logits = self._split_auxiliary(fine, branches)
        if self._split_bottleneck is None:
            features = self._head.bottleneck(joined)
        else:
            features = self._split_bottleneck(fine, branches)
        return features, aux_logits
