"""Pixels as tokens and back: channels last, both lie in memory alike."""

from torch import Tensor


def to_tokens(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H·W, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[2] * x.shape[3], x.shape[1])


def to_pixels(tokens: Tensor, like: Tensor) -> Tensor:
    """(N, H·W, C) → (N, C, H, W), H and W as another tensor's."""
    height, width = like.shape[2:]
    return tokens.reshape(-1, height, width, tokens.shape[2]).permute(0, 3, 1, 2)
