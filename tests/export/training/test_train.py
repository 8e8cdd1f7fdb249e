import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from export.checkpoints.loading import load_model
from export.training.batches import batches, class_entropy, class_weights, draw_batch
from export.training.cheaper_heads import heads
from export.training.loop import learning_rate, train
from export.training.run_config import TrainConfig, read_config
from ocrnet.artefacts import sha256_of
from ocrnet.errors import CheckpointError
from ocrnet.zoo import Size, get_spec
from tests.small_models import one_block_a_branch


@pytest.fixture
def config(root: Path) -> TrainConfig:
    """The demo's own run, made small, from weights drawn at random."""
    return dataclasses.replace(
        read_config(root / "export" / "configs" / "demo.toml"),
        start="",
        steps=4,
        batch=2,
        crop=Size(32, 64),
        scene_heights=(40, 60),
        warmup_steps=2,
    )


@pytest.fixture
def _small_network() -> Iterator[None]:
    with one_block_a_branch():
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("_small_network")
def test_resumes_as_if_never_stopped(config: TrainConfig, tmp_path: Path) -> None:
    straight = train(config, tmp_path / "straight").state_dict()
    train(config, tmp_path / "broken", stop_after=2)
    resumed = train(config, tmp_path / "broken").state_dict()
    assert straight.keys() == resumed.keys()
    for name in straight:
        assert torch.equal(straight[name], resumed[name]), name
    text = (tmp_path / "broken" / "log.csv").read_text()
    assert [row[0] for row in csv.reader(text.splitlines())] == ["1", "2", "3", "4"]
    fp16 = safetensors.torch.load_file(tmp_path / "broken" / "weights.safetensors")
    assert torch.equal(fp16["backbone.conv1.weight"], straight["backbone.conv1.weight"].half())


@pytest.mark.slow
def test_starts_from_the_weights_it_names_and_from_no_others(
    config: TrainConfig, tmp_path: Path, root: Path
) -> None:
    weights = root / "export" / "weights" / "demo.safetensors"
    config = dataclasses.replace(
        config, steps=1, learning_rate=0.0, weight_decay=0.0, start=str(weights),
        start_sha256=sha256_of(weights),
    )  # fmt: skip
    state = train(config, tmp_path / "right").state_dict()
    began = safetensors.torch.load_file(weights)
    name = "decode_head.1.conv_seg.weight"
    assert torch.equal(state[name], began[name].float())
    with pytest.raises(CheckpointError, match="has SHA-256"):
        train(dataclasses.replace(config, start_sha256="0" * 64), tmp_path / "wrong")


@pytest.mark.slow
def test_of_several_crops_the_one_with_the_most_even_classes_is_taken(config: TrainConfig) -> None:
    entropies = {}
    for tried in (1, 6):
        chosen = dataclasses.replace(config, crops_tried=tried)
        labels = torch.cat([draw_batch(chosen, step)[1] for step in range(20)])
        entropies[tried] = np.mean([class_entropy(one.numpy().astype(np.uint8)) for one in labels])
    assert entropies[1] < entropies[6]


def test_entropy_is_that_of_the_classes_without_ignored_pixels() -> None:
    assert class_entropy(np.full((4, 4), 3, np.uint8)) == 0
    assert class_entropy(np.full((4, 4), 255, np.uint8)) == 0
    halves = np.array([[0, 0, 7, 7, 255, 255]], np.uint8)
    assert class_entropy(halves) == pytest.approx(np.log(2))


@pytest.mark.slow
@pytest.mark.usefixtures("_small_network")
def test_what_is_kept_is_the_average_over_the_steps(config: TrainConfig, tmp_path: Path) -> None:
    """Each step moves the average by 1 - decay towards the network; the first one sets it."""
    decay = 0.75
    config = dataclasses.replace(config, average_decay=decay)
    name = "decode_head.1.conv_seg.weight"
    expected: torch.Tensor | None = None
    for _ in range(3):
        kept = train(config, tmp_path / "run", stop_after=1).state_dict()[name]
        state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
        step = state["network"][name]
        expected = step if expected is None else decay * expected + (1 - decay) * step
        torch.testing.assert_close(kept, expected)
    assert not torch.equal(kept, step)


def test_heads_in_training_are_those_of_the_network(root: Path) -> None:
    """Values and every gradient, in float64: the coarse branches take another way."""
    network = load_model(get_spec("demo"), root / "export" / "weights" / "demo.safetensors")
    network.double().train()
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, expected = (way(x) for way in (lambda x: heads(network, x), network.heads))
    parameters = list(network.parameters())
    for ours, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9)
    gradients = (
        torch.autograd.grad(main.square().mean() + aux.square().mean(), parameters)
        for main, aux in (found, expected)
    )
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-6, atol=1e-9)


def test_steps_see_different_scenes_and_the_same_step_the_same(config: TrainConfig) -> None:
    pictures, labels = draw_batch(config, 3)
    assert pictures.shape == (2, 32, 64, 3)
    assert labels.shape == (2, 32, 64)
    again, _ = draw_batch(config, 3)
    other, _ = draw_batch(config, 4)
    assert torch.equal(pictures, again)
    assert not torch.equal(pictures, other)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_batches_come_in_order_whoever_draws_them(config: TrainConfig, workers: int) -> None:
    found = list(batches(config, 1, workers))
    assert [step for step, _, _ in found] == [1, 2, 3]
    for step, pictures, labels in found:
        expected = draw_batch(config, step)
        assert torch.equal(pictures, expected[0])
        assert torch.equal(labels, expected[1])


def test_the_schedule_warms_up_and_decays_to_nearly_nothing(config: TrainConfig) -> None:
    config = dataclasses.replace(config, steps=100, warmup_steps=10)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] < rates[9] <= config.learning_rate
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.03 * config.learning_rate


def test_rare_classes_weigh_more(config: TrainConfig) -> None:
    weights = class_weights(config, 19, scenes=10).numpy()
    assert weights[0] < weights[6]  # road, traffic light
    assert np.all((weights >= 0.5) & (weights <= config.largest_class_weight))
