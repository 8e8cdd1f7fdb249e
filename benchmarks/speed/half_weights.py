"""OCRNet with float16 weights in PyTorch, and what stays in float32.

As in the float16 graphs that are served (docs/adr/0007-float16-in-the-graph.md).
"""

from torch import Tensor, nn

from export.network import OCRNet
from export.network.heads import OCRHead, gather_objects
from export.network.hrnet import HRNet


class HalfWeights(nn.Module):
    """The network with float16 weights and activations, but for normalisation and spatial gather.

    The mean in float16 would be off by up to 0.03 grey levels. The gather's weights are about
    1/(H·W), below float16's smallest normal number.
    """

    def __init__(self, network: OCRNet):
        """network: changed in place."""
        super().__init__()
        network.backbone.half()
        network.decode_head.half()
        self._network = network

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, H, W, 3) → logits float16 (N, K, h, w)."""
        network = self._network
        features = network.backbone(network.normalise(image).half())
        if isinstance(network.backbone, HRNet):
            coarse, fine = (network.at_finest(features),) * 2
        else:
            coarse, fine = features
        auxiliary, head = network.decode_head
        assert isinstance(head, OCRHead)
        fine = head.bottleneck(fine)
        objects = gather_objects(fine.float(), auxiliary(coarse).float()).half()
        logits: Tensor = head.conv_seg(head.object_context_block(fine, objects))
        return logits
