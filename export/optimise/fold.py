"""Batch norms folded into the convolutions before them."""

import torch
from torch import Tensor

from export.network.layers import ConvNormRelu


def folded(block: ConvNormRelu) -> tuple[Tensor, Tensor]:
    """Return weight (O, C, k, k) and bias (O,) of the convolution with its batch norm inside.

    norm(w·x + b) = γ/√(σ² + ε) · (w·x + b − μ) + β, which is a convolution with w·γ/√(σ² + ε).
    """
    norm = block.bn
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    if block.conv.bias is not None:
        bias = bias + block.conv.bias * scale
    return (block.conv.weight * scale[:, None, None, None]).detach(), bias.detach()


def folded_product(block: ConvNormRelu) -> tuple[Tensor, Tensor]:
    """Return a folded 1×1 convolution as a product of tokens: (C, O) and (O,)."""
    weight, bias = folded(block)
    return weight[:, :, 0, 0].t().contiguous(), bias
