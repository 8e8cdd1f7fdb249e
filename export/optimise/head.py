"""The OCR head after its 3×3 convolution, on tokens and with attention reassociated."""

import torch
from torch import Tensor, nn

from export.network.heads import FEATURES, KEYS, OCRHead
from export.network.layers import ConvNormRelu
from export.optimise.fold import folded_product


class TokenHead(nn.Module):
    """Features (N, 512, H, W) and auxiliary logits (N, K, H, W) → logits (N, K, H, W).

    Token-major: every 1×1 convolution is a product of (H·W, C) tokens, which the attention needs
    anyway, so nothing is transposed in between; and the fusion's 1024→512 convolution of a
    concatenation is the sum of two products.

    Associative: with A the attention (H·W, K), v the objects' values (K, 256) and W, b the output
    projection, (A·v)·W + b = A·(v·W + b), since each row of A sums to one. So the projection runs
    on K rows instead of H·W.
    """

    def __init__(self, head: OCRHead, *, associative: bool):
        super().__init__()
        self._associative = associative
        block = head.object_context_block
        layers = {
            "query_1": block.query_project[0],
            "query_2": block.query_project[1],
            "key_1": block.key_project[0],
            "key_2": block.key_project[1],
            "value": block.value_project,
            "out": block.out_project,
            "fuse": block.bottleneck,
        }
        for name, layer in layers.items():
            assert isinstance(layer, ConvNormRelu)
            weight, bias = folded_product(layer)
            self.register_buffer(f"{name}_weight", weight)
            self.register_buffer(f"{name}_bias", bias)
        classifier = head.conv_seg
        assert classifier.bias is not None
        self.register_buffer("seg_weight", classifier.weight[:, :, 0, 0].t().contiguous().detach())
        self.register_buffer("seg_bias", classifier.bias.detach())

    def _layer(self, name: str, x: Tensor) -> Tensor:
        """(…, C) → (…, O)."""
        return x @ self.get_buffer(f"{name}_weight") + self.get_buffer(f"{name}_bias")

    def forward(self, features: Tensor, aux_logits: Tensor) -> Tensor:
        """Shapes as the class says."""
        height, width = features.shape[2:]
        tokens = features.permute(0, 2, 3, 1).reshape(-1, height * width, FEATURES)
        weights = torch.softmax(aux_logits.flatten(2), dim=2)  # (N, K, HW)
        objects = weights @ tokens  # (N, K, 512)
        key = torch.relu(self._layer("key_2", torch.relu(self._layer("key_1", objects))))
        value = torch.relu(self._layer("value", objects))
        query = torch.relu(self._layer("query_2", torch.relu(self._layer("query_1", tokens))))
        attention = torch.softmax(query @ (key * KEYS**-0.5).transpose(1, 2), dim=-1)  # (N, HW, K)
        if self._associative:
            context = torch.relu(attention @ self._layer("out", value))
        else:
            context = torch.relu(self._layer("out", attention @ value))
        weight, bias = self.get_buffer("fuse_weight"), self.get_buffer("fuse_bias")
        # The bias last: on its own a product is faster than with one.
        fused = torch.relu(context @ weight[:FEATURES] + tokens @ weight[FEATURES:] + bias)
        logits = self._layer("seg", fused)  # (N, HW, K)
        return logits.transpose(1, 2).reshape(-1, logits.shape[2], height, width)
