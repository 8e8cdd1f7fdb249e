"""What a training run is, as its TOML file says."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ocrnet.zoo import Size


@dataclass(frozen=True)
class TrainConfig:
    """One run; sizes in pixels.

    start: weights to begin with, below the folder that the run is started in, and their SHA-256;
    empty: drawn at random. scene_heights: pictures are drawn at a height between these two.
    crops_tried: of so many crops of a scene, the one with the most even classes is taken.
    average_decay: what a run leaves is an exponential average of its steps' weights.
    """

    model: str
    start: str
    start_sha256: str
    seed: int
    steps: int
    batch: int
    crop: Size
    scene_heights: tuple[int, int]
    crops_tried: int
    learning_rate: float
    momentum: float
    weight_decay: float
    warmup_steps: int
    poly_power: float
    average_decay: float
    auxiliary_weight: float
    largest_class_weight: float
    first_scene_seed: int


def read_config(path: Path) -> TrainConfig:
    """Read a run's TOML file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table["crop"] = Size(**table["crop"])
    table["scene_heights"] = tuple(table["scene_heights"])
    return TrainConfig(**table)
