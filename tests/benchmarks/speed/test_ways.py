"""The ways to run a network on a device give what the network gives, as far as a CPU can show."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed.device import claimed_device
from benchmarks.speed.device_runners import BoundGraph
from benchmarks.speed.torch_ways import Way, open_label, way
from export import load_model
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.evaluation.gates import gate_for
from export.graphs.source import DEMO_WEIGHTS
from export.network.heads import gather_objects
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec

SPEC = get_spec("demo")


@pytest.fixture(scope="module")
def scene() -> torch.Tensor:
    return torch.from_numpy(draw_scene(0, 128, 256).image[None])


@pytest.fixture(scope="module")
def expected(scene: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The network's own logits, and its labels by PyTorch."""
    with torch.inference_mode():
        logits = load_model(SPEC, DEMO_WEIGHTS)(scene)
        full = torch.nn.functional.interpolate(logits, (128, 256), mode="bilinear")
    return logits, full.argmax(1)


def test_half_weights_are_within_the_gate_of_float16(
    scene: torch.Tensor, expected: tuple[torch.Tensor, torch.Tensor]
) -> None:
    label = open_label(load_model(SPEC, DEMO_WEIGHTS), SPEC, way("torch", "float16"), scene)
    logits, labels = label(scene)
    gate = gate_for("float16", trained=True, changed_labels=None, miou_loss=None)
    assert logits.dtype == torch.float16
    error = (logits.float() - expected[0]).abs().max() / expected[0].abs().max()
    assert 0 < error <= gate.logit_error
    assert (labels != expected[1]).float().mean() <= gate.changed_labels


def test_normalisation_is_computed_in_float32() -> None:
    """In float16 the mean would be rounded, and the largest input, too."""
    network = load_model(SPEC, DEMO_WEIGHTS)
    image = torch.arange(256, dtype=torch.uint8).repeat(3).view(1, 16, 16, 3)
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    exact = network.normalise(image)
    open_label(network, SPEC, Way(half_weights=True), image)(image)
    assert torch.equal(seen[0], exact.half())


@pytest.mark.parametrize(
    "model", ["demo", pytest.param("ocrnet_r101-d8_cityscapes_40k_b8", marks=pytest.mark.thorough)]
)
def test_half_weights_leave_the_spatial_gather_in_float32(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights are about 1/(H·W): float16 has no normal numbers for them."""
    seen: list[tuple[torch.dtype, torch.dtype]] = []

    def gather(features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        seen.append((features.dtype, logits.dtype))
        return gather_objects(features, logits)

    monkeypatch.setattr("benchmarks.speed.half_weights.gather_objects", gather)
    spec = get_spec(model)
    network = load_model(spec, DEMO_WEIGHTS if model == "demo" else RANDOM_WEIGHTS)
    image = torch.from_numpy(draw_scene(0, 32, 64).image[None])
    with torch.inference_mode():
        expected = network(image)
    logits, _ = open_label(network, spec, way("torch", "float16"), image)(image)
    assert seen == [(torch.float32, torch.float32)]
    assert (logits.float() - expected).abs().max() <= 3e-2 * expected.abs().max()
    weights = {name: one.dtype for name, one in network.named_parameters()}
    assert set(weights.values()) == {torch.float16}


@pytest.mark.slow
def test_a_call_with_half_weights_converts_none() -> None:
    """Autocast converts the weights of each convolution at each call."""
    scene, counts = torch.zeros(1, 32, 64, 3, dtype=torch.uint8), {}
    for engine in ("torch", "torch-autocast"):
        label = open_label(load_model(SPEC, DEMO_WEIGHTS), SPEC, way(engine, "float16"), scene)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            label(scene)
        copies = [one.count for one in profile.key_averages() if one.key == "aten::_to_copy"]
        counts[engine] = sum(copies)
    assert counts["torch"] < 10 < counts["torch-autocast"] / 10


def test_weights_stored_channels_last_change_nothing(
    scene: torch.Tensor, expected: tuple[torch.Tensor, torch.Tensor]
) -> None:
    network = load_model(SPEC, DEMO_WEIGHTS)
    logits, labels = open_label(network, SPEC, Way(channels_last=True), scene)(scene)
    weight = network.decode_head[1].bottleneck.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(logits, expected[0], rtol=0, atol=1e-4 * float(expected[0].max()))
    assert torch.equal(labels, expected[1])


@pytest.mark.parametrize(
    ("engine", "precision", "words"),
    [
        ("torch", "float32", ""),
        ("torch", "tf32", ""),
        ("torch", "float16", "half weights, spatial gather in float32"),
        ("torch-autocast", "float16", "autocast"),
        ("torch-compile", "tf32", "by torch.compile"),
        (
            "torch-compile", "float16",
            "half weights, spatial gather in float32, by torch.compile",
        ),
        ("torch-graph", "float32", "as one CUDA graph"),
        (
            "torch-graph", "float16",
            "half weights, spatial gather in float32, as one CUDA graph",
        ),
        (
            "torch-graph-channels-last", "float16",
            "half weights, spatial gather in float32, weights channels last, as one CUDA graph",
        ),
    ],
)  # fmt: skip
def test_each_name_is_one_way(engine, precision, words: str) -> None:
    chosen = way(engine, precision)
    assert chosen.in_words() == words
    assert not (chosen.autocast and chosen.half_weights)  # which would be converted each call


def test_onnx_runtime_bound_to_pytorch_s_memory_labels_as_pytorch_does(
    scene: torch.Tensor, expected: tuple[torch.Tensor, torch.Tensor], root: Path
) -> None:
    path = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    given = scene.clone()
    label = BoundGraph(path, claimed_device("cpu")).bind(given, SPEC)
    assert np.mean(label(given)[1].numpy() != expected[1].numpy()) <= 1e-4
    given.zero_()  # the graph reads the same memory again
    blank = label(given)[1]
    assert not torch.equal(blank, expected[1])
