"""Every pass alone, and all together: the plain network's logits, up to rounding."""

import pytest
import torch

from export import load_model
from export.network.hrnet import HRNet
from export.network.layers import resize
from export.optimise.banded import BandedConv
from export.optimise.network import OptimisedNetwork, Passes
from ocrnet.zoo import Size

NONE = Passes(split_bottleneck=False, token_head=False, associative=False)
CASES = {
    "split_bottleneck": Passes(token_head=False, associative=False),
    "token_head": Passes(split_bottleneck=False, associative=False),
    "associative": Passes(split_bottleneck=False),
    "all": Passes(),
}
MODELS = [
    "ocrnet_hr18s_cityscapes_40k",
    "ocrnet_hr48_cityscapes_authors",
    "ocrnet_r101-d8_cityscapes_80k_b16",
]


def _difference(name: str, size: Size, passes: Passes, kind: torch.dtype) -> float:
    """Largest difference of logits, relative to the largest logit, for two pictures."""
    network = load_model(name, "stand-in").to(kind)
    rewritten = OptimisedNetwork(network, size, passes).eval()
    random = torch.Generator().manual_seed(1)
    shape = (2, size.height, size.width, 3)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    with torch.inference_mode():
        expected, found = network(images), rewritten(images)
    assert found.shape == expected.shape
    assert found.dtype == kind
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("passes", CASES.values(), ids=CASES)
@pytest.mark.parametrize("model", MODELS)
def test_a_pass_changes_nothing_but_rounding(model: str, passes: Passes) -> None:
    assert _difference(model, Size(96, 160), passes, torch.float32) < 1e-5


@pytest.mark.parametrize("passes", CASES.values(), ids=CASES)
def test_in_float64_it_is_the_same_algebra(passes: Passes) -> None:
    assert _difference(MODELS[0], Size(97, 331), passes, torch.float64) < 1e-12


def test_without_passes_it_is_the_network() -> None:
    assert _difference(MODELS[0], Size(64, 64), NONE, torch.float32) == 0


def test_the_attention_can_only_be_reassociated_among_tokens() -> None:
    network = load_model(MODELS[0], "stand-in")
    with pytest.raises(ValueError, match="'associative' needs 'token_head'"):
        OptimisedNetwork(network, Size(64, 64), Passes(token_head=False))


def test_a_network_without_branches_has_no_split() -> None:
    network = load_model(MODELS[2], "stand-in")
    assert not isinstance(network.backbone, HRNet)
    assert Passes().for_network(network).names() == ["token_head", "associative"]


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (Size(8, 16), Size(32, 64)),
        (Size(4, 40), Size(16, 160)),
        (Size(3, 21), Size(25, 165)),
        (Size(1, 2), Size(3, 7)),
    ],
)
def test_bands_hold_all_that_a_column_needs(low: Size, high: Size, align_corners: bool) -> None:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(2, 7, low.height, low.width, dtype=torch.float64, generator=random)
    weight = torch.randn(5, 7, 3, 3, dtype=torch.float64, generator=random)
    found = BandedConv(weight, low, high, align_corners=align_corners)(x)
    enlarged = resize(x, high.height, high.width, align_corners=align_corners)
    expected = torch.conv2d(enlarged, weight, padding=1)
    torch.testing.assert_close(found.permute(0, 3, 1, 2), expected, rtol=1e-10, atol=1e-10)
