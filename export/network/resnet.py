"""ResNetV1c-101 with output stride 8 (the R-101-D8 of mmsegmentation).

Source: He et al. (arXiv:1512.03385); the three-convolution stem from He et al.,
"Bag of Tricks" (arXiv:1812.01187); dilation instead of stride in the last two
stages from Chen et al., DeepLab (arXiv:1606.00915).
"""

from torch import Tensor, nn

from export.network.layers import Bottleneck, conv_norm

_BLOCKS = (3, 4, 23, 3)
_STRIDES = (1, 2, 1, 1)
_DILATIONS = (1, 1, 2, 4)


class ResNet101D8(nn.Module):
    """(N, 3, H, W) → stages 3 and 4: (N, 1024, ⌈H/8⌉, ⌈W/8⌉), (N, 2048, ⌈H/8⌉, ⌈W/8⌉)."""

    def __init__(self) -> None:
        super().__init__()

        def relu() -> nn.Module:
            return nn.ReLU(inplace=True)

        self.stem = nn.Sequential(
            *conv_norm(3, 32, 3, stride=2), relu(),
            *conv_norm(32, 32, 3), relu(),
            *conv_norm(32, 64, 3), relu(),
        )  # fmt: skip
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = (_stage(k) for k in range(4))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Shapes as the class says."""
        x = self.maxpool(self.stem(x))  # (N, 64, H/4, W/4)
        x = self.layer2(self.layer1(x))  # (N, 512, H/8, W/8)
        stage3 = self.layer3(x)
        return [stage3, self.layer4(stage3)]


def _stage(index: int) -> nn.Sequential:
    width = 64 * 2**index
    dilation = _DILATIONS[index]
    blocks = []
    for block in range(_BLOCKS[index]):
        first = block == 0
        channels_in = (64 if index == 0 else 2 * width) if first else 4 * width
        # The first block of a dilated stage still sees the finer grid: half the dilation.
        blocks.append(
            Bottleneck(
                channels_in,
                width,
                stride=_STRIDES[index] if first else 1,
                dilation=max(dilation // 2, 1) if first else dilation,
            )
        )
    return nn.Sequential(*blocks)
