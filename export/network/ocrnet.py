"""OCRNet: a backbone, the auxiliary head and the OCR head, pictures in and logits out."""

import torch
from torch import Tensor, nn

from export.network.heads import AuxiliaryHead, OCRHead
from export.network.hrnet import HR18, HR18_SMALL, HR48, HRNet
from export.network.layers import resize
from export.network.resnet import ResNet101D8
from ocrnet.zoo.spec import ModelSpec

_HRNETS = {"hr18s": HR18_SMALL, "hr18": HR18, "hr48": HR48}


class OCRNet(nn.Module):
    """The network of one row of the zoo, normalisation included.

    The names in its `state_dict` are those of mmsegmentation's checkpoints.
    The authors' variant has a bias in two more convolutions, resizes once where
    mmsegmentation resizes twice, and applies `spec.align_corners` to every
    resize. In mmsegmentation the flag belongs to the heads and to the last
    resize: HRNet's fuse layers never align corners.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ModelSpec):
        super().__init__()
        authors = spec.variant == "authors"
        self.align_corners = spec.align_corners
        classes = spec.classes
        self.backbone: HRNet | ResNet101D8
        if spec.backbone == "r101-d8":
            self.backbone = ResNet101D8()
            auxiliary = AuxiliaryHead(1024, 256, classes, kernel=3, conv_bias=authors)
            head = OCRHead(2048, classes, conv_bias=authors)
        else:
            self.backbone = HRNet(
                _HRNETS[spec.backbone],
                align_corners=spec.align_corners and authors,
                two_step_resize=not authors,
            )
            channels = sum(self.backbone.channels_out)
            auxiliary = AuxiliaryHead(channels, channels, classes, kernel=1, conv_bias=authors)
            head = OCRHead(channels, classes, conv_bias=authors)
        self.decode_head = nn.ModuleList([auxiliary, head])
        # Not persistent: the published checkpoints do not carry them.
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 RGB (N, H, W, 3) → logits float32 (N, K, ⌈H/s⌉, ⌈W/s⌉), s = 4 or 8."""
        logits, _ = self.heads(self.normalise(image))
        return logits

    def normalise(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → float32 (N, 3, H, W): cast, transpose, − mean, / std.

        In that order: TensorRT accepts nothing but a cast on uint8.
        """
        return (image.to(self.mean.dtype).permute(0, 3, 1, 2) - self.mean) / self.std

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised (N, 3, H, W) → logits and auxiliary logits, each (N, K, ⌈H/s⌉, ⌈W/s⌉)."""
        features = self.backbone(x)
        if isinstance(self.backbone, HRNet):
            coarse, fine = (self.at_finest(features),) * 2
        else:
            coarse, fine = features
        auxiliary, head = self.decode_head
        aux_logits = auxiliary(coarse)
        return head(fine, aux_logits), aux_logits

    def at_finest(self, features: list[Tensor]) -> Tensor:
        """Branches at 1/4 … 1/32 → one tensor (N, 15·W, ⌈H/4⌉, ⌈W/4⌉)."""
        height, width = features[0].shape[2:]
        enlarged = [
            resize(x, height, width, align_corners=self.align_corners) for x in features[1:]
        ]
        return torch.cat([features[0], *enlarged], dim=1)
