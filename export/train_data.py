"""Batches for training: scenes of any scale, cropped and mirrored, each step's from its number."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from export.train_config import TrainConfig
from ocrnet.miou import IGNORE
from ocrnet.scenes import Scene, draw_scene


class Batches(Dataset[tuple[int, Tensor, Tensor]]):
    """(step, pictures, labels) by step; see draw_batch."""

    def __init__(self, config: TrainConfig):
        """config: the run's."""
        self._config = config

    def __getitem__(self, step: int) -> tuple[int, Tensor, Tensor]:
        """Draw one step's pictures."""
        return (step, *draw_batch(self._config, step))


def batches(
    config: TrainConfig, first_step: int, workers: int
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (step, pictures, labels), drawn by `workers` processes ahead; 0: by this one."""
    loader: DataLoader[tuple[int, Tensor, Tensor]] = DataLoader(
        Batches(config),
        batch_size=None,
        sampler=range(first_step, config.steps),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


def draw_batch(config: TrainConfig, step: int) -> tuple[Tensor, Tensor]:
    """Draw one step's pictures: uint8 (batch, H, W, 3) and uint8 labels (batch, H, W)."""
    images, labels = [], []
    for index in range(config.batch):
        seed = config.first_scene_seed + step * config.batch + index
        rng = np.random.default_rng((config.seed, seed))
        low, high = config.scene_heights
        height = int(np.exp(rng.uniform(np.log(low), np.log(high))))
        scene = draw_scene(seed, height, 2 * height)
        rows, columns = _choose_crop(scene, config, rng)
        step_x = 1 if rng.random() < 0.5 else -1
        images.append(scene.image[rows, columns][:, ::step_x])
        labels.append(scene.labels[rows, columns][:, ::step_x])
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(labels))


def _choose_crop(
    scene: Scene, config: TrainConfig, rng: np.random.Generator
) -> tuple[slice, slice]:
    height, width = scene.labels.shape
    crop = config.crop
    crops = []
    for _ in range(config.crops_tried):
        top = int(rng.integers(height - crop.height + 1))
        left = int(rng.integers(width - crop.width + 1))
        crops.append((slice(top, top + crop.height), slice(left, left + crop.width)))
    return max(crops, key=lambda part: class_entropy(scene.labels[part]))


def class_entropy(labels: NDArray[np.uint8]) -> float:
    """How evenly a crop's pixels are spread over the classes, in nats; 0 for one class alone.

    Sky or road alone teach little: a step costs the same whatever it sees.
    """
    counts = np.bincount(labels[labels != IGNORE])
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum())


def class_weights(config: TrainConfig, classes: int, scenes: int = 40) -> Tensor:
    """Weights that fall with the fourth root of a class's share of the pixels: (classes,)."""
    counts = np.zeros(classes)
    for index in range(scenes):
        labels = draw_scene(config.first_scene_seed + index, 128, 256).labels
        counts += np.bincount(labels[labels != IGNORE], minlength=classes)
    weights = (np.median(counts) / np.maximum(counts, 1)) ** 0.25
    return torch.from_numpy(np.clip(weights, 0.5, config.largest_class_weight)).float()
