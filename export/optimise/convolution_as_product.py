"""Convolutions as matrix products: batch norms folded in, pixels as tokens and back."""

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


def to_tokens(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H·W, C); channels last, both lie in memory alike."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[2] * x.shape[3], x.shape[1])


def to_pixels(tokens: Tensor, like: Tensor) -> Tensor:
    """(N, H·W, C) → (N, C, H, W), H and W as another tensor's."""
    height, width = like.shape[2:]
    return tokens.reshape(-1, height, width, tokens.shape[2]).permute(0, 3, 1, 2)
