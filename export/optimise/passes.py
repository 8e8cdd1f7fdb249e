"""Which rewritings there are, which a network has a place for, and which of them pay."""

from dataclasses import dataclass, replace

_RESNET = "r101-d8"
_WIDE = "hr48"


@dataclass(frozen=True)
class Passes:
    """Which rewritings apply; each alone is exact.

    split_bottleneck: the OCR head's 3×3 convolution of HRNet's four branches, enlarged and
    concatenated, is the sum of one over the two fine branches and one over each coarse branch, the
    latter without enlarging (coarse_upsample.py). split_auxiliary: the auxiliary head's 1×1
    convolution of the same tensor likewise. token_head, associative: see head.py; the second needs
    the first.
    convolutions: what 8 bits have faster kernels for stays a convolution, in the token head, which
    it needs, and one more branch in the split bottleneck.
    """

    split_bottleneck: bool = True
    split_auxiliary: bool = True
    token_head: bool = True
    associative: bool = True
    convolutions: bool = False

    def names(self) -> list[str]:
        """Those that apply."""
        return [name for name, applies in vars(self).items() if applies]

    def possible_for(self, backbone: str) -> "Passes":
        """Without those that a backbone of the zoo has no place for: ResNet has no branches."""
        if backbone == _RESNET:
            return replace(self, split_bottleneck=False, split_auxiliary=False)
        return self


NO_PASSES = Passes(
    split_bottleneck=False, split_auxiliary=False, token_head=False, associative=False
)


def passes_that_pay(backbone: str, *, int8: bool = False) -> Passes:
    """Those that make a backbone's networks faster, by `benchmarks/passes.py`.

    In float32 the same for OpenVINO and ONNX Runtime. HRNet-W18's auxiliary head is too narrow to
    be split: enlarging afterwards costs what the convolution saves, and so it does in 8 bits. Of
    ResNet-101 the head is a twentieth of the work, and none pays.
    """
    if backbone == _RESNET:
        return NO_PASSES
    return Passes(split_auxiliary=backbone == _WIDE and not int8, convolutions=int8)
