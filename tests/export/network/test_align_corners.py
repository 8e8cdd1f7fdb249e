"""Whose resizes `align_corners` belongs to: the reference is mmsegmentation's own output."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import export.network.ocrnet
from export.network import OCRNet
from export.network.hrnet import HRNetSizes
from export.optimise.optimised_network import OptimisedNetwork
from export.optimise.passes import Passes
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import segment
from ocrnet.timings import Timings
from ocrnet.zoo import Size, get_spec
from ocrnet.zoo.spec import Labels, ModelSpec

_WIDTH_32 = HRNetSizes(width=32, stem_blocks=4, branch_blocks=4, stage_modules=(1, 4, 3))


class _OwnSpec(ModelSpec):
    """Seven classes, which no data set of the zoo has."""

    @property
    def labels(self) -> Labels:
        return Labels(tuple("abcdefg"), np.zeros((7, 3), np.uint8), None)


class _OnNetwork:
    """The engine seam around the PyTorch network itself."""

    def __init__(self, network: torch.nn.Module):
        self._network = network

    def outputs(self, size: Size) -> frozenset[str]:
        return frozenset({"logits"})

    async def infer(self, images: NDArray[np.uint8], output: str) -> NDArray[np.generic]:
        assert output == "logits"
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._network(torch.from_numpy(images)).numpy()
        return logits

    async def close(self) -> None: ...


@pytest.fixture(scope="module")
def own(golden: Path, golden_weights: ModuleType) -> tuple[OCRNet, ModelSpec, NDArray[np.uint8]]:
    """HRNet-W32 with seven classes as mmsegmentation ran it, its spec and the image."""
    facts = json.loads((golden / "own_hr32_7.json").read_text())
    # HRNet-W18's facts but for those that the reference's config has otherwise.
    base = get_spec("ocrnet_hr18_cityscapes_40k")
    fields = {name: getattr(base, name) for name in ModelSpec.__dataclass_fields__}
    fields |= {
        "name": "own", "align_corners": True, "crop": Size(129, 129),
        "mean": (120.0, 110.0, 100.0), "std": (60.0, 61.0, 62.0),
    }  # fmt: skip
    spec = _OwnSpec(**fields)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(export.network.ocrnet._HRNETS, "hr18", _WIDTH_32)
        network = OCRNet(spec).eval()
    state = {
        name: torch.from_numpy(golden_weights.tensor(name, tuple(shape), facts["salt"]))
        for name, shape in facts["keys"].items()
        if not name.endswith("num_batches_tracked")
    }
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    height, width = np.load(golden / "own_hr32_7.npz")["size"].tolist()
    return network, spec, golden_weights.image(height, width, facts["seed"])


def _labels(
    network: torch.nn.Module,
    spec: ModelSpec,
    image: NDArray[np.uint8],
    options: SegmentOptions,
) -> NDArray[np.uint8]:
    plan = plan_request(Size(*image.shape[:2]), spec, options)
    return asyncio.run(segment(image, spec, _OnNetwork(network), plan, Timings())).labels


@pytest.mark.slow
def test_whole_and_slide_are_those_of_mmsegmentation(
    own: tuple[OCRNet, ModelSpec, NDArray[np.uint8]], golden: Path
) -> None:
    network, spec, image = own
    expected = np.load(golden / "own_hr32_7.npz")
    whole = _labels(network, spec, image, SegmentOptions("whole"))
    slide = _labels(network, spec, image, SegmentOptions("slide", Size(129, 129), Size(85, 85)))
    assert (whole == expected["whole_label"]).mean() >= 0.9999
    assert (slide == expected["slide_label"]).mean() >= 0.9999


def test_full_size_logits_are_those_of_mmsegmentation(
    own: tuple[OCRNet, ModelSpec, NDArray[np.uint8]], golden: Path
) -> None:
    network, _, image = own
    expected = np.load(golden / "own_hr32_7.npz")["whole_logits_every5"]
    with torch.inference_mode():
        logits = torch.nn.functional.interpolate(
            network(torch.from_numpy(image)[None]),
            image.shape[:2],
            mode="bilinear",
            align_corners=True,
        )[0, :, ::5, ::5]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_the_rewritten_network_keeps_the_rule(
    own: tuple[OCRNet, ModelSpec, NDArray[np.uint8]],
) -> None:
    network, _, image = own
    images = torch.from_numpy(image)[None]
    rewritten = OptimisedNetwork(network, Size(*image.shape[:2]), Passes()).eval()
    with torch.inference_mode():
        expected, found = network(images), rewritten(images)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.slow
def test_the_authors_align_everywhere() -> None:
    mmsegmentation = get_spec("ocrnet_hr48_cityscapes_40k")
    authors = get_spec("ocrnet_hr48_cityscapes_authors")
    for spec, fuse_aligns, heads_align in (
        (mmsegmentation, False, False),
        (replace(mmsegmentation, align_corners=True), False, True),
        (authors, True, True),
    ):
        network = OCRNet(spec)
        modules = [*network.backbone.stage2, *network.backbone.stage3, *network.backbone.stage4]
        assert {module.align_corners for module in modules} == {fuse_aligns}
        assert network.align_corners is heads_align
