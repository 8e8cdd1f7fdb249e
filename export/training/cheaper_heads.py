"""The two heads' logits as training computes them: the same values for less work."""

import torch
from torch import Tensor

from export.network import OCRNet
from export.network.heads import OCRHead
from export.network.hrnet import HRNet
from export.optimise.enlarged_conv import conv3x3_of_enlarged

_FINE_BRANCHES = 2  # those that stay a plain convolution


def heads(network: OCRNet, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return `network.heads(x)` up to rounding, forwards and backwards in less time.

    The 3×3 convolution of the OCR head is half of a step on a CPU, most of it for the weights'
    gradient; its coarse branches go through `conv3x3_of_enlarged`.
    """
    if not isinstance(network.backbone, HRNet):
        return network.heads(x)
    auxiliary, head = network.decode_head
    assert isinstance(head, OCRHead)
    features = network.backbone(x)
    joined = network.at_finest(features)  # (N, 15·W, H, W)
    height, width = joined.shape[2:]
    conv = head.bottleneck.conv
    first = sum(features[branch].shape[1] for branch in range(_FINE_BRANCHES))
    # oneDNN's weight gradient of a 3×3 convolution is up to three times as fast channels first.
    y = torch.conv2d(
        joined[:, :first].contiguous(),
        conv.weight[:, :first].contiguous(),
        conv.bias,
        padding=1,
    ).contiguous(memory_format=torch.channels_last)
    for branch in features[_FINE_BRANCHES:]:
        last = first + branch.shape[1]
        y = y + conv3x3_of_enlarged(
            branch,
            conv.weight[:, first:last],
            height,
            width,
            align_corners=network.align_corners,
        )
        first = last
    aux_logits = auxiliary(joined)
    pixels = head.bottleneck.relu(head.bottleneck.bn(y))
    return head.classify(pixels, aux_logits), aux_logits
