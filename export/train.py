"""Train an OCRNet on drawn street scenes, on a CPU.

The loss is that of mmsegmentation's OCRNet: cross entropy at the picture's size on
both heads, the auxiliary one at 0.4. Scenes follow from the step's number, so a
resumed run sees what an uninterrupted one would have seen.
"""

import argparse
import csv
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from export.network import OCRNet
from export.network.layers import resize
from ocrnet.miou import IGNORE
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec


@dataclass(frozen=True)
class TrainConfig:
    """One run, as its TOML file says."""

    model: str
    seed: int
    steps: int
    batch: int
    crop: Size
    scene_heights: tuple[int, int]
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    poly_power: float
    auxiliary_weight: float
    largest_class_weight: float
    first_scene_seed: int


def read_config(path: Path) -> TrainConfig:
    """Read a run's TOML file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table["crop"] = Size(**table["crop"])
    table["scene_heights"] = tuple(table["scene_heights"])
    return TrainConfig(**table)


def draw_batch(config: TrainConfig, step: int) -> tuple[Tensor, Tensor]:
    """Draw one step's pictures: uint8 (batch, H, W, 3) and int64 labels (batch, H, W)."""
    images, labels = [], []
    for index in range(config.batch):
        seed = config.first_scene_seed + step * config.batch + index
        rng = np.random.default_rng((config.seed, seed))
        low, high = config.scene_heights
        height = int(np.exp(rng.uniform(np.log(low), np.log(high))))
        scene = draw_scene(seed, height, 2 * height)
        top = int(rng.integers(height - config.crop.height + 1))
        left = int(rng.integers(2 * height - config.crop.width + 1))
        rows = slice(top, top + config.crop.height)
        columns = slice(left, left + config.crop.width)
        step_x = 1 if rng.random() < 0.5 else -1
        images.append(scene.image[rows, columns][:, ::step_x])
        labels.append(scene.labels[rows, columns][:, ::step_x])
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(labels)).long()


def batches(config: TrainConfig, first_step: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (step, pictures, labels), drawing a few steps ahead."""
    ahead = 3
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = {
            step: pool.submit(draw_batch, config, step)
            for step in range(first_step, min(first_step + ahead, config.steps))
        }
        for step in range(first_step, config.steps):
            pictures, labels = waiting.pop(step).result()
            if step + ahead < config.steps:
                waiting[step + ahead] = pool.submit(draw_batch, config, step + ahead)
            yield step, pictures, labels


def class_weights(config: TrainConfig, classes: int, scenes: int = 40) -> Tensor:
    """Weights that fall with the fourth root of a class's share of the pixels: (classes,)."""
    counts = np.zeros(classes)
    for index in range(scenes):
        labels = draw_scene(config.first_scene_seed + index, 128, 256).labels
        counts += np.bincount(labels[labels != IGNORE], minlength=classes)
    weights = (np.median(counts) / np.maximum(counts, 1)) ** 0.25
    return torch.from_numpy(np.clip(weights, 0.5, config.largest_class_weight)).float()


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then the polynomial decay of the published runs."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    decay: float = (1 - step / config.steps) ** config.poly_power
    return config.learning_rate * warm * decay


def train(config: TrainConfig, folder: Path, *, stop_after: int | None = None) -> OCRNet:
    """Train, or go on where `folder/last.pt` stopped; return the network in eval mode.

    stop_after: stop early after so many steps of this call (a later call goes on).
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    spec = get_spec(config.model)
    network: OCRNet = OCRNet(spec).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    first_step = 0
    last = folder / "last.pt"
    if last.exists():
        state = torch.load(last, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        first_step = state["step"]
    weights = class_weights(config, spec.classes)
    loss_of = nn.CrossEntropyLoss(weights, ignore_index=IGNORE)
    network.train()
    started = time.monotonic()
    with (folder / "log.csv").open("a", newline="") as log:
        writer = csv.writer(log)
        for step, pictures, labels in batches(config, first_step):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, step)
            loss = _loss(network, loss_of, pictures, labels, config)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            done = step + 1 - first_step
            writer.writerow([step + 1, f"{loss.item():.4f}", f"{time.monotonic() - started:.1f}"])
            log.flush()
            _report(config, step + 1, loss.item(), (time.monotonic() - started) / done)
            finished = step + 1 == config.steps or done == stop_after
            if (step + 1) % 50 == 0 or finished:
                _save(last, network, optimiser, step + 1)
            if finished:
                break
    network.eval()
    return network


def _loss(
    network: OCRNet, loss_of: nn.Module, pictures: Tensor, labels: Tensor, config: TrainConfig
) -> Tensor:
    height, width = labels.shape[1:]
    x = network.normalise(pictures).contiguous(memory_format=torch.channels_last)
    # bfloat16 halves a step on CPUs that have it; the loss itself stays in float32.
    with torch.autocast("cpu", torch.bfloat16):
        logits, aux_logits = network.heads(x)
    main, auxiliary = (
        loss_of(resize(part.float(), height, width, align_corners=False), labels)
        for part in (logits, aux_logits)
    )
    total: Tensor = main + config.auxiliary_weight * auxiliary
    return total


def _report(config: TrainConfig, step: int, loss: float, seconds: float) -> None:
    left = (config.steps - step) * seconds / 60
    print(
        f"\rstep {step}/{config.steps}  loss {loss:.3f}  {seconds:.2f} s/step, {left:.0f} min ",
        end="\n" if step % 50 == 0 else "",
        file=sys.stderr,
    )


def _save(path: Path, network: OCRNet, optimiser: torch.optim.Optimizer, step: int) -> None:
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
    save_half(network, path.with_name("weights.safetensors"))


def save_half(network: OCRNet, path: Path) -> None:
    """Save parameters and buffers as float16: what the project keeps of a trained model."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    safetensors.torch.save_file(state, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="the run's TOML file")
    parser.add_argument("--folder", type=Path, default=Path("runs/demo"), help="checkpoints, log")
    arguments = parser.parse_args()
    train(read_config(arguments.config), arguments.folder)


if __name__ == "__main__":
    main()
