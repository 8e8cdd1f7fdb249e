"""HRNetV2: four resolutions kept side by side, exchanged after every module.

Source: Wang et al., "Deep High-Resolution Representation Learning for Visual
Recognition" (arXiv:1908.07919). Every size follows from one width W: the
branches carry W, 2W, 4W and 8W channels at 1/4, 1/8, 1/16 and 1/32.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from export.network.layers import BasicBlock, Bottleneck, conv_norm, resize


@dataclass(frozen=True)
class HRNetSizes:
    """width: channels of the finest branch; the rest counts blocks and modules per stage."""

    width: int
    stem_blocks: int
    branch_blocks: int
    stage_modules: tuple[int, int, int]


HR18_SMALL = HRNetSizes(width=18, stem_blocks=2, branch_blocks=2, stage_modules=(1, 3, 2))
HR18 = HRNetSizes(width=18, stem_blocks=4, branch_blocks=4, stage_modules=(1, 4, 3))
HR48 = HRNetSizes(width=48, stem_blocks=4, branch_blocks=4, stage_modules=(1, 4, 3))


class Exchange(nn.Module):
    """One HRNet module: blocks on every branch, then every branch into every other.

    two_step_resize: mmsegmentation brings a coarse branch to 2^k times its own
    size first and to the target's size then. The two differ wherever a side
    does not divide by 32. The authors' code resizes once.

    align_corners: of these resizes. Always False in mmsegmentation (`HRModule`
    in mmseg/models/backbones/hrnet.py), whatever the heads have; the authors'
    code has one flag for all resizes.
    """

    def __init__(
        self, widths: list[int], blocks: int, *, align_corners: bool, two_step_resize: bool
    ):
        super().__init__()
        self.align_corners = align_corners
        self.two_step_resize = two_step_resize
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_path(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Branch k: (N, W·2^k, ⌈H/2^k⌉, ⌈W/2^k⌉) → the same shapes."""
        features = [branch(x) for branch, x in zip(self.branches, features, strict=True)]
        fused = []
        for target, paths in enumerate(self.fuse_layers):
            height, width = features[target].shape[2:]
            total: Tensor | None = None
            assert isinstance(paths, nn.ModuleList)
            for source, path in enumerate(paths):
                part = features[source] if source == target else path(features[source])
                if source > target:
                    part = self._enlarge(part, 2 ** (source - target), height, width)
                total = part if total is None else total + part
            fused.append(self.relu(total))
        return fused

    def _enlarge(self, x: Tensor, factor: int, height: int, width: int) -> Tensor:
        if self.two_step_resize:
            # Whole numbers times a whole number: a float here would be baked into an ONNX graph.
            x = resize(
                x, x.shape[2] * factor, x.shape[3] * factor, align_corners=self.align_corners
            )
        return resize(x, height, width, align_corners=self.align_corners)


def _path(widths: list[int], source: int, target: int) -> nn.Module:
    """The layers from one branch to another: 1×1 upwards, strided 3×3 downwards."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(*conv_norm(widths[source], widths[target], 1))
    steps = []
    for step in range(target - source):
        last = step == target - source - 1
        channels_out = widths[target] if last else widths[source]
        layers = conv_norm(widths[source], channels_out, 3, stride=2)
        steps.append(nn.Sequential(*layers, *([] if last else [nn.ReLU(inplace=True)])))
    return nn.Sequential(*steps)


def _entry(channels_in: int, channels_out: int, stride: int) -> list[nn.Module]:
    return [*conv_norm(channels_in, channels_out, 3, stride), nn.ReLU(inplace=True)]


class HRNet(nn.Module):
    """(N, 3, H, W) → four tensors (N, W·2^k, ⌈H/4/2^k⌉, ⌈W/4/2^k⌉), finest first."""

    def __init__(self, sizes: HRNetSizes, *, align_corners: bool, two_step_resize: bool):
        super().__init__()
        width = [sizes.width * 2**k for k in range(4)]
        self.channels_out = width
        self.relu = nn.ReLU(inplace=True)
        self.conv1, self.bn1 = conv_norm(3, 64, 3, stride=2)
        self.conv2, self.bn2 = conv_norm(64, 64, 3, stride=2)
        self.layer1 = nn.Sequential(
            *(Bottleneck(64 if k == 0 else 256, 64) for k in range(sizes.stem_blocks))
        )
        # A transition adds the next coarser branch; only the first also changes the finest one.
        self.transition1 = nn.ModuleList(
            [
                nn.Sequential(*_entry(256, width[0], 1)),
                nn.Sequential(nn.Sequential(*_entry(256, width[1], 2))),
            ]
        )
        self.transition2 = self._added_branch(width, 2)
        self.transition3 = self._added_branch(width, 3)

        def stage(branches: int) -> nn.Sequential:
            return nn.Sequential(
                *(
                    Exchange(
                        width[:branches],
                        sizes.branch_blocks,
                        align_corners=align_corners,
                        two_step_resize=two_step_resize,
                    )
                    for _ in range(sizes.stage_modules[branches - 2])
                )
            )

        self.stage2, self.stage3, self.stage4 = stage(2), stage(3), stage(4)

    @staticmethod
    def _added_branch(width: list[int], branch: int) -> nn.ModuleList:
        kept: list[nn.Module] = [nn.Identity() for _ in range(branch)]
        added = nn.Sequential(nn.Sequential(*_entry(width[branch - 1], width[branch], 2)))
        return nn.ModuleList([*kept, added])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Shapes as the class says."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, H/2, W/2)
        x = self.relu(self.bn2(self.conv2(x)))  # (N, 64, H/4, W/4)
        x = self.layer1(x)  # (N, 256, H/4, W/4)
        features = [entry(x) for entry in self.transition1]
        features = self.stage2(features)  # W, 2W
        features = [*features, self.transition2[2](features[-1])]
        features = self.stage3(features)  # W, 2W, 4W
        features = [*features, self.transition3[3](features[-1])]
        result: list[Tensor] = self.stage4(features)  # W, 2W, 4W, 8W
        return result
