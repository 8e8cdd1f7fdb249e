"""Every pass alone, and all together: the plain network's logits, up to rounding."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
import torch
from _pytest.mark import ParameterSet

from export import load_model
from export.network import OCRNet
from export.network.hrnet import HRNet
from export.network.layers import resize
from export.optimise.coarse_upsample import EnlargedConvs
from export.optimise.optimised_network import OptimisedNetwork
from export.optimise.passes import NO_PASSES as NONE
from export.optimise.passes import Passes, passes_that_pay
from ocrnet.zoo import Size, get_spec

CASES = {
    "split_bottleneck": replace(NONE, split_bottleneck=True),
    "split_auxiliary": replace(NONE, split_auxiliary=True),
    "token_head": replace(NONE, token_head=True),
    "associative": replace(NONE, token_head=True, associative=True),
    "convolutions": replace(NONE, token_head=True, convolutions=True),
    "all": Passes(),
    "all with convolutions": Passes(convolutions=True),
}
MODELS = [
    "ocrnet_hr18s_cityscapes_40k",
    "ocrnet_hr48_cityscapes_authors",
    "ocrnet_r101-d8_cityscapes_80k_b16",
]


@cache
def _network(name: str, kind: torch.dtype) -> OCRNet:
    return load_model(name, "stand-in").to(kind)


@cache
def _plain(name: str, size: Size, kind: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures, and the network's own logits."""
    random = torch.Generator().manual_seed(1)
    shape = (2, size.height, size.width, 3)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    with torch.inference_mode():
        return images, _network(name, kind)(images)


def _difference(name: str, size: Size, passes: Passes, kind: torch.dtype) -> float:
    """Largest difference of logits, relative to the largest logit, for two pictures."""
    passes = passes.possible_for(get_spec(name).backbone)
    rewritten = OptimisedNetwork(_network(name, kind), size, passes).eval()
    images, expected = _plain(name, size, kind)
    with torch.inference_mode():
        found = rewritten(images)
    assert found.shape == expected.shape
    assert found.dtype == kind
    return float((found - expected).abs().max() / expected.abs().max())


def _models_and_cases() -> Iterator[ParameterSet]:
    """Each pass alone is shown by the small network, and in float64 below."""
    for model in MODELS:
        for case, passes in CASES.items():
            alone = model != MODELS[0] and not case.startswith("all")
            marks = [pytest.mark.thorough] if alone else []
            yield pytest.param(model, passes, id=f"{model}-{case}", marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "passes"), list(_models_and_cases()))
def test_a_pass_changes_nothing_but_rounding(model: str, passes: Passes) -> None:
    assert _difference(model, Size(96, 160), passes, torch.float32) < 1e-5


@pytest.mark.parametrize("passes", CASES.values(), ids=CASES)
def test_in_float64_it_is_the_same_algebra(passes: Passes) -> None:
    assert _difference(MODELS[0], Size(97, 331), passes, torch.float64) < 1e-12


def test_without_passes_it_is_the_network() -> None:
    assert _difference(MODELS[0], Size(64, 64), NONE, torch.float32) == 0


def test_some_passes_need_tokens() -> None:
    network = _network(MODELS[0], torch.float32)
    for name in ("associative", "convolutions"):
        with pytest.raises(ValueError, match=f"'{name}' needs 'token_head'"):
            OptimisedNetwork(network, Size(64, 64), replace(NONE, **{name: True}))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["split_bottleneck", "split_auxiliary"])
def test_a_network_without_branches_has_no_split(name: str) -> None:
    network = _network(MODELS[2], torch.float32)
    assert not isinstance(network.backbone, HRNet)
    with pytest.raises(ValueError, match=f"'{name}' needs branches"):
        OptimisedNetwork(network, Size(64, 64), replace(NONE, **{name: True}))


def test_what_pays_depends_on_the_backbone() -> None:
    tokens = ["token_head", "associative"]
    for int8 in (False, True):
        assert passes_that_pay("r101-d8", int8=int8) == NONE
    assert passes_that_pay("hr18s").names() == ["split_bottleneck", *tokens]
    assert passes_that_pay("hr48").names() == ["split_bottleneck", "split_auxiliary", *tokens]
    for backbone in ("hr18s", "hr48"):
        names = passes_that_pay(backbone, int8=True).names()
        assert names == ["split_bottleneck", *tokens, "convolutions"]


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize(
    ("lows", "high"),
    [
        ([Size(8, 16), Size(4, 8)], Size(32, 64)),
        ([Size(4, 40)], Size(16, 160)),
        ([Size(3, 21), Size(7, 42)], Size(25, 165)),
        ([Size(1, 2)], Size(3, 7)),
    ],
)
def test_bands_hold_all_that_the_result_needs(
    lows: list[Size], high: Size, kernel: int, align_corners: bool
) -> None:
    random = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=random)

    tensors = [draw(2, 7, low.height, low.width) for low in lows]
    weights = [draw(5, 7, kernel, kernel) for _ in lows]
    found = EnlargedConvs(weights, lows, high, align_corners=align_corners)(tensors)
    expected = torch.zeros(2, 5, high.height, high.width, dtype=torch.float64)
    for x, weight in zip(tensors, weights, strict=True):
        enlarged = resize(x, high.height, high.width, align_corners=align_corners)
        expected += torch.conv2d(enlarged, weight, padding=kernel // 2)
    torch.testing.assert_close(
        found, expected.permute(0, 2, 3, 1).flatten(1, 2), rtol=1e-10, atol=1e-10
    )
