"""Batches for training: scenes of any scale, cropped and mirrored, each step's from its number."""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.training.run_config import TrainConfig
from ocrnet.datasets.miou import IGNORE
from ocrnet.scenes import Scene, draw_scene

_STEPS_AHEAD = 3  # of each worker


def batches(
    config: TrainConfig, first_step: int, workers: int
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (step, pictures, labels), drawn ahead by `workers` processes; 0: by a thread."""
    pool: Executor = ThreadPoolExecutor(1)
    if workers:
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    steps = range(first_step, config.steps)
    ahead = _STEPS_AHEAD * max(workers, 1)
    try:
        waiting = deque(pool.submit(_drawn, config, step) for step in steps[:ahead])
        for number, step in enumerate(steps):
            images, labels = waiting.popleft().result()
            if number + ahead < len(steps):
                waiting.append(pool.submit(_drawn, config, steps[number + ahead]))
            yield step, torch.from_numpy(images), torch.from_numpy(labels)
    finally:
        pool.shutdown(cancel_futures=True)


def draw_batch(config: TrainConfig, step: int) -> tuple[Tensor, Tensor]:
    """Draw one step's pictures: uint8 (batch, H, W, 3) and uint8 labels (batch, H, W)."""
    images, labels = _drawn(config, step)
    return torch.from_numpy(images), torch.from_numpy(labels)


def _drawn(config: TrainConfig, step: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """As arrays: tensors would go from process to process through shared memory."""
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
    return np.stack(images), np.stack(labels)


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
