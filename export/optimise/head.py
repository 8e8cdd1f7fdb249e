"""The OCR head after its 3×3 convolution, on tokens and with attention reassociated."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from export.network.heads import FEATURES, KEYS, OCRHead
from export.network.layers import ConvNormRelu
from export.optimise.convolution_as_product import folded_product, to_pixels, to_tokens


class TokenHead(nn.Module):
    """Features (N, 512, H, W) and auxiliary logits (N, K, H, W) → logits (N, K, H, W).

    Token-major: every 1×1 convolution is a product of (H·W, C) tokens, which the attention needs
    anyway, so nothing is transposed in between; and the fusion's 1024→512 convolution of a
    concatenation is the sum of two products.

    Associative: with A the attention (H·W, K), v the objects' values (K, 256) and W, b the output
    projection, (A·v)·W + b = A·(v·W + b), since each row of A sums to one. So the projection runs
    on K rows instead of H·W.

    Convolutions: the products of all pixels stay 1×1 convolutions, for which there are faster
    kernels of 8 bits. Channels last, tokens and maps lie in memory alike.
    """

    # By the names of nodes below this module in exported graphs, which are those of attributes
    # here and, of the convolutions that stay, of the plain head. The first that matches counts.
    LAYER_GROUPS: ClassVar = {
        "spatial gather": r"gather/.*",
        "attention": r"(MatMul|Softmax|Mul)[^/]*",
        "fusion": r"bottleneck/.*",
        "classifier": r"conv_seg/.*",
        "object attention": r"[A-Z].*|(key|value|out|query_project)/.*",
    }

    def __init__(self, head: OCRHead, *, associative: bool, convolutions: bool):
        super().__init__()
        self._associative = associative
        block = head.object_context_block
        self.gather = _Gather()
        self.key = nn.Sequential(*(_Product.of(layer) for layer in block.key_project))
        self.value = _Product.of(block.value_project)
        self.out = _Product.of(block.out_project, relu=False)
        self._per_pixel = _Convolutions(head) if convolutions else _Products(head)

    def forward(self, features: Tensor, aux_logits: Tensor) -> Tensor:
        """Shapes as the class says."""
        tokens = to_tokens(features)
        objects = self.gather(tokens, aux_logits)
        key, value, query = self.key(objects), self.value(objects), self._per_pixel.query(features)
        attention = torch.softmax(query @ (key * KEYS**-0.5).transpose(1, 2), dim=-1)  # (N, HW, K)
        if self._associative:
            context = torch.relu(attention @ self.out(value))
        else:
            context = torch.relu(self.out(attention @ value))
        return self._per_pixel.logits(context, features)


class _Products(nn.Module):
    """What is done with every pixel, as products of tokens."""

    def __init__(self, head: OCRHead):
        super().__init__()
        block = head.object_context_block
        self._query = nn.Sequential(*(_Product.of(layer) for layer in block.query_project))
        self._fusion = _Fusion(block.bottleneck)
        classifier = head.conv_seg
        assert classifier.bias is not None
        weight = classifier.weight[:, :, 0, 0].t().contiguous().detach()
        self._classifier = _Product(weight, classifier.bias.detach(), relu=False)

    def query(self, features: Tensor) -> Tensor:
        """(N, 512, H, W) → (N, H·W, 256)."""
        found: Tensor = self._query(to_tokens(features))
        return found

    def logits(self, context: Tensor, features: Tensor) -> Tensor:
        """(N, H·W, 512) and (N, 512, H, W) → (N, K, H, W)."""
        logits: Tensor = self._classifier(self._fusion(context, to_tokens(features)))
        return logits.transpose(1, 2).reshape(-1, logits.shape[2], *features.shape[2:])


class _Convolutions(nn.Module):
    """The same as 1×1 convolutions, as the head has them."""

    def __init__(self, head: OCRHead):
        super().__init__()
        block = head.object_context_block
        self._query = block.query_project
        self._fusion = block.bottleneck
        self._classifier = head.conv_seg

    def query(self, features: Tensor) -> Tensor:
        """(N, 512, H, W) → (N, H·W, 256)."""
        return to_tokens(self._query(features))

    def logits(self, context: Tensor, features: Tensor) -> Tensor:
        """(N, H·W, 512) and (N, 512, H, W) → (N, K, H, W)."""
        pixels = torch.cat([to_pixels(context, features), features], dim=1)
        logits: Tensor = self._classifier(self._fusion(pixels))
        return logits


class _Product(nn.Module):
    """A 1×1 convolution, its batch norm inside, of tokens: (…, C) → (…, O)."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, relu: bool):
        """weight: (C, O); bias: (O,)."""
        super().__init__()
        self._relu = relu
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    @classmethod
    def of(cls, layer: nn.Module, *, relu: bool = True) -> "_Product":
        """relu: False where it follows later."""
        assert isinstance(layer, ConvNormRelu)
        return cls(*folded_product(layer), relu=relu)

    def forward(self, x: Tensor) -> Tensor:
        found = x @ self.weight + self.bias
        return torch.relu(found) if self._relu else found


class _Gather(nn.Module):
    """Each class's mean token, weighted by where the class is: (N, H·W, C) → (N, K, C)."""

    def forward(self, tokens: Tensor, aux_logits: Tensor) -> Tensor:
        weights = torch.softmax(aux_logits.flatten(2), dim=2)  # (N, K, HW)
        return weights @ tokens


class _Fusion(nn.Module):
    """Context and tokens, (N, H·W, 512) each, as if concatenated, → (N, H·W, 512)."""

    of_context: Tensor
    of_tokens: Tensor
    bias: Tensor

    def __init__(self, layer: ConvNormRelu):
        super().__init__()
        weight, bias = folded_product(layer)
        self.register_buffer("of_context", weight[:FEATURES].contiguous())
        self.register_buffer("of_tokens", weight[FEATURES:].contiguous())
        self.register_buffer("bias", bias)

    def forward(self, context: Tensor, tokens: Tensor) -> Tensor:
        # The bias last: on its own a product is faster than with one.
        return torch.relu(context @ self.of_context + tokens @ self.of_tokens + self.bias)
