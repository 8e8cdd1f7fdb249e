"""The network in plain PyTorch: backbones, heads and the two put together."""

from export.network.ocrnet import OCRNet

__all__ = ["OCRNet"]
