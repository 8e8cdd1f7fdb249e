"""The auxiliary FCN head and the OCR head.

Source: Yuan et al., "Object-Contextual Representations for Semantic
Segmentation" (arXiv:1909.11065). K is the number of classes: the auxiliary
head's logits say softly where each class is, each class gathers one feature
vector there, and every pixel attends to those K vectors.
"""

import torch
from torch import Tensor, nn

from export.network.layers import ConvNormRelu

FEATURES = 512
KEYS = 256


class AuxiliaryHead(nn.Module):
    """One convolution and a classifier: (N, C, H, W) → (N, K, H, W)."""

    def __init__(
        self, channels_in: int, channels: int, classes: int, *, kernel: int, conv_bias: bool
    ):
        super().__init__()
        self.convs = nn.Sequential(ConvNormRelu(channels_in, channels, kernel, bias=conv_bias))
        self.conv_seg = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shapes as the class says."""
        logits: Tensor = self.conv_seg(self.convs(x))
        return logits


def gather_objects(features: Tensor, aux_logits: Tensor) -> Tensor:
    """Return each class's mean feature, weighted by where the class is: (N, C, K, 1).

    features: (N, C, H, W); aux_logits: (N, K, H, W). The weights are a softmax
    over the H·W positions, not over the classes.
    """
    weights = torch.softmax(aux_logits.flatten(2), dim=2)  # (N, K, HW)
    tokens = features.flatten(2).permute(0, 2, 1)  # (N, HW, C)
    return torch.matmul(weights, tokens).permute(0, 2, 1).unsqueeze(3)


class ObjectAttention(nn.Module):
    """Every pixel asks the K object vectors: (N, 512, H, W) → (N, 512, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.query_project = nn.Sequential(ConvNormRelu(FEATURES, KEYS), ConvNormRelu(KEYS, KEYS))
        self.key_project = nn.Sequential(ConvNormRelu(FEATURES, KEYS), ConvNormRelu(KEYS, KEYS))
        self.value_project = ConvNormRelu(FEATURES, KEYS)
        self.out_project = ConvNormRelu(KEYS, FEATURES)
        self.bottleneck = ConvNormRelu(2 * FEATURES, FEATURES)

    def forward(self, features: Tensor, objects: Tensor) -> Tensor:
        """features: (N, 512, H, W); objects: (N, 512, K, 1)."""
        query = self.query_project(features).flatten(2).permute(0, 2, 1)  # (N, HW, 256)
        key = self.key_project(objects).flatten(2)  # (N, 256, K)
        value = self.value_project(objects).flatten(2).permute(0, 2, 1)  # (N, K, 256)
        # Scaled before the product, which could leave float16's range: by 1/16, so exactly.
        attention = torch.softmax(torch.matmul(query * KEYS**-0.5, key), dim=-1)  # (N, HW, K)
        context = torch.matmul(attention, value).permute(0, 2, 1)  # (N, 256, HW)
        context = context.reshape(-1, KEYS, features.shape[2], features.shape[3])
        joined = torch.cat([self.out_project(context), features], dim=1)  # (N, 1024, H, W)
        result: Tensor = self.bottleneck(joined)
        return result


class OCRHead(nn.Module):
    """(N, C, H, W) features and (N, K, H, W) auxiliary logits → (N, K, H, W) logits."""

    def __init__(self, channels_in: int, classes: int, *, conv_bias: bool):
        super().__init__()
        self.bottleneck = ConvNormRelu(channels_in, FEATURES, 3, bias=conv_bias)
        self.object_context_block = ObjectAttention()
        self.conv_seg = nn.Conv2d(FEATURES, classes, 1)

    def forward(self, x: Tensor, aux_logits: Tensor) -> Tensor:
        """Shapes as the class says."""
        return self.classify(self.bottleneck(x), aux_logits)

    def classify(self, features: Tensor, aux_logits: Tensor) -> Tensor:
        """What follows the 3×3 bottleneck: features (N, 512, H, W) → logits (N, K, H, W)."""
        objects = gather_objects(features, aux_logits)
        logits: Tensor = self.conv_seg(self.object_context_block(features, objects))
        return logits
