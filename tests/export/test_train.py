import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from export.train import learning_rate, train
from export.train_config import TrainConfig, read_config
from export.train_data import class_weights, draw_batch
from ocrnet.artefacts import sha256_of
from ocrnet.errors import CheckpointError
from ocrnet.zoo import Size


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


def test_resumes_as_if_never_stopped(config: TrainConfig, tmp_path: Path) -> None:
    straight = train(config, tmp_path / "straight").state_dict()
    train(config, tmp_path / "broken", stop_after=2)
    resumed = train(config, tmp_path / "broken").state_dict()
    assert straight.keys() == resumed.keys()
    for name in straight:
        assert torch.equal(straight[name], resumed[name]), name
    text = (tmp_path / "broken" / "log.csv").read_text()
    assert [row[0] for row in csv.reader(text.splitlines())] == ["1", "2", "3", "4"]
    half = safetensors.torch.load_file(tmp_path / "broken" / "weights.safetensors")
    assert torch.equal(half["backbone.conv1.weight"], straight["backbone.conv1.weight"].half())


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


def test_crops_of_one_class_are_drawn_anew(config: TrainConfig) -> None:
    """Where another crop can be had; sky or road alone teach little."""
    picky = dataclasses.replace(config, largest_share=0.6)
    shares = {}
    for name, chosen in (("any", dataclasses.replace(config, largest_share=1.0)), ("picky", picky)):
        labels = torch.cat([draw_batch(chosen, step)[1] for step in range(20)])
        shares[name] = np.mean([np.bincount(one.ravel()).max() / one.numel() for one in labels])
    assert shares["picky"] < shares["any"]


def test_steps_see_different_scenes_and_the_same_step_the_same(config: TrainConfig) -> None:
    pictures, labels = draw_batch(config, 3)
    assert pictures.shape == (2, 32, 64, 3)
    assert labels.shape == (2, 32, 64)
    again, _ = draw_batch(config, 3)
    other, _ = draw_batch(config, 4)
    assert torch.equal(pictures, again)
    assert not torch.equal(pictures, other)


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
