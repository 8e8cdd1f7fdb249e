import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from export import load_model
from export.checkpoints.random_weights import random_tensor
from export.network import OCRNet
from ocrnet.zoo import load_zoo

# One row of the zoo for each architecture of the reference data.
ROWS = {spec.architecture: name for name, spec in reversed(load_zoo().items()) if name != "demo"}
# Heads depend on the data set alone, all else on the backbone: `make test` has one of each.
REFERENCES = [
    "hr18s_cityscapes",
    "hr18_cityscapes",
    pytest.param("hr48_cityscapes", marks=pytest.mark.slow),
    "hr18s_ade20k",
    pytest.param("hr18_ade20k", marks=pytest.mark.thorough),
    pytest.param("hr48_ade20k", marks=pytest.mark.thorough),
    "hr18s_voc12",
    pytest.param("hr18_voc12", marks=pytest.mark.thorough),
    pytest.param("hr48_voc12", marks=pytest.mark.thorough),
    pytest.param("r101-d8_cityscapes", marks=pytest.mark.slow),
]


def _reference(architecture: str) -> str:
    return architecture.replace("r101-d8", "r101")


@pytest.mark.parametrize("architecture", REFERENCES)
def test_logits_and_names_are_those_of_mmsegmentation(
    architecture: str, golden: Path, golden_weights: ModuleType
) -> None:
    network = load_model(ROWS[architecture], "stand-in")
    names = json.loads((golden / "checkpoint_keys.json").read_text())[_reference(architecture)]
    state = {name: list(value.shape) for name, value in network.state_dict().items()}
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    assert {name: shape for name, shape in state.items() if name not in counters} == {
        name: shape for name, shape in names.items() if not name.endswith("num_batches_tracked")
    }
    reference = np.load(golden / f"{_reference(architecture)}.npz")
    width = 192 if architecture.endswith("cityscapes") else 96
    image = torch.from_numpy(golden_weights.image(96, width, 1))[None]
    with torch.inference_mode():
        outputs = network.heads(network.normalise(image))
    for actual, name in zip(outputs, ("logits", "aux_logits"), strict=True):
        expected = reference[name]
        np.testing.assert_allclose(actual[0], expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_random_weights_are_those_of_the_reference_data(golden_weights: ModuleType) -> None:
    names = {
        "backbone.conv1.weight": (64, 3, 3, 3),
        "backbone.layer1.0.bn3.weight": (256,),
        "backbone.bn1.weight": (64,),
        "backbone.bn1.running_mean": (64,),
        "backbone.bn1.running_var": (64,),
        "decode_head.1.conv_seg.weight": (19, 512, 1, 1),
        "decode_head.1.conv_seg.bias": (19,),
    }
    for name, shape in names.items():
        np.testing.assert_array_equal(
            random_tensor(name, shape), golden_weights.tensor(name, shape)
        )


@pytest.fixture(scope="module")
def networks() -> dict[int, OCRNet]:
    """One of each output stride."""
    names = {4: "demo", 8: "ocrnet_r101-d8_cityscapes_40k_b8"}
    return {stride: load_model(name, "stand-in") for stride, name in names.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 57), (97, 131), (160, 224)])
def test_any_size_gives_the_output_grid(
    networks: dict[int, OCRNet], height: int, width: int
) -> None:
    image = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    for stride, network in networks.items():
        with torch.inference_mode():
            logits = network(image)
        assert logits.shape == (2, 19, -(-height // stride), -(-width // stride))
        assert logits.dtype == torch.float32
