"""Building blocks that the backbones and the heads share.

Attribute names are part of the contract: together they give exactly the
parameter names of the published checkpoints.
"""

from torch import Tensor, nn
from torch.nn.functional import interpolate


def resize(features: Tensor, height: int, width: int, *, align_corners: bool) -> Tensor:
    """Return (N, C, height, width): bilinear, without antialiasing, as in training."""
    return interpolate(features, size=(height, width), mode="bilinear", align_corners=align_corners)


def conv_norm(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """A bias-free convolution that keeps the size (over `stride`), and its batch norm."""
    return [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
    ]


class ConvNormRelu(nn.Module):
    """Convolution, batch norm, ReLU under the names of the heads' checkpoints (`conv`, `bn`)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 1, *, bias: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=bias)
        self.bn = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, channels_out, H, W)."""
        out: Tensor = self.relu(self.bn(self.conv(x)))
        return out


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a residual; width and size stay."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(channels, channels, 3)
        self.conv2, self.bn2 = conv_norm(channels, channels, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) → the same shape."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        result: Tensor = self.relu(out + x)
        return result


class Bottleneck(nn.Module):
    """1×1 down, 3×3 (with the stride and dilation), 1×1 up to 4·width, with a residual."""

    def __init__(self, channels_in: int, width: int, *, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(channels_in, width, 1)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv_norm(width, 4 * width, 1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels_in != 4 * width:
            self.downsample = nn.Sequential(*conv_norm(channels_in, 4 * width, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) → (N, 4·width, ⌈H/stride⌉, ⌈W/stride⌉)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu(out + shortcut)
        return result
