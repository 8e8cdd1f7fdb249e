"""The training loop: one step after the other, saved every fifty."""

import csv
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from export.checkpoints.loading import load_model
from export.network import OCRNet
from export.network.layers import resize
from export.training.batches import batches, class_weights
from export.training.cheaper_heads import heads
from export.training.run_config import TrainConfig
from export.training.saving import resume, save
from ocrnet.artefacts import sha256_of
from ocrnet.datasets.miou import IGNORE
from ocrnet.errors import CheckpointError
from ocrnet.zoo import get_spec


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then the polynomial decay of the published runs."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    decay: float = (1 - step / config.steps) ** config.poly_power
    return config.learning_rate * warm * decay


def train(
    config: TrainConfig,
    folder: Path,
    *,
    stop_after: int | None = None,
    device: str = "cpu",
    workers: int = 0,
) -> OCRNet:
    """Train, or go on where `folder/last.pt` stopped; return the average in eval mode.

    stop_after: stop early after so many steps of this call (a later call goes on). device:
    PyTorch's name of it. workers: processes that draw the scenes; 0: a thread does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    spec = get_spec(config.model)
    place = torch.device(device)
    network = _starting_network(config).to(place)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(
        network,
        multi_avg_fn=get_ema_multi_avg_fn(config.average_decay),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )
    last = folder / "last.pt"
    first_step = resume(last, network, average, optimiser) if last.exists() else 0
    weights = class_weights(config, spec.classes).to(place)
    loss_of = nn.CrossEntropyLoss(weights, ignore_index=IGNORE)
    network.train()
    started = time.monotonic()
    with (folder / "log.csv").open("a", newline="") as log:
        writer = csv.writer(log)
        for step, pictures, labels in batches(config, first_step, workers):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, step)
            loss = _loss(network, loss_of, pictures.to(place), labels.to(place).long(), config)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            average.update_parameters(network)
            done = step + 1 - first_step
            writer.writerow([step + 1, f"{loss.item():.4f}", f"{time.monotonic() - started:.1f}"])
            log.flush()
            _report(config, step + 1, loss.item(), (time.monotonic() - started) / done)
            finished = step + 1 == config.steps or done == stop_after
            if (step + 1) % 50 == 0 or finished:
                save(last, network, average, optimiser, step + 1)
            if finished:
                break
    kept = average.module
    assert isinstance(kept, OCRNet)
    return kept.eval()


def _starting_network(config: TrainConfig) -> OCRNet:
    spec = get_spec(config.model)
    if not config.start:
        return OCRNet(spec)
    found = sha256_of(Path(config.start))
    if found != config.start_sha256:
        raise CheckpointError(
            f"{config.start} has SHA-256 {found}, the run starts from {config.start_sha256}: "
            "take the file from the revision that the run's config names"
        )
    return load_model(spec, config.start)


def _loss(
    network: OCRNet, loss_of: nn.Module, pictures: Tensor, labels: Tensor, config: TrainConfig
) -> Tensor:
    height, width = labels.shape[1:]
    x = network.normalise(pictures).contiguous(memory_format=torch.channels_last)
    on_gpu = x.device.type == "cuda"
    with torch.autocast(x.device.type, torch.bfloat16, enabled=on_gpu):
        # A GPU has products to spare: the way with fewer of them is measured on CPUs alone.
        logits, aux_logits = network.heads(x) if on_gpu else heads(network, x)
    main, auxiliary = (
        loss_of(resize(part.float(), height, width, align_corners=network.align_corners), labels)
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
