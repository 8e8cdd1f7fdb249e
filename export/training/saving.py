"""What a training run leaves: where it stopped, and the averaged weights."""

from pathlib import Path

import safetensors.torch
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def save(
    path: Path,
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    """Write all that the run goes on from after `step` steps, and the average beside it."""
    state = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
    save_fp16(average.module, path.with_name("weights.safetensors"))


def resume(
    path: Path, network: nn.Module, average: AveragedModel, optimiser: torch.optim.Optimizer
) -> int:
    """Load what `save` wrote into all three; return how many steps were done."""
    place = next(network.parameters()).device
    state = torch.load(path, map_location=place, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    steps: int = state["step"]
    return steps


def save_fp16(network: nn.Module, path: Path) -> None:
    """Save parameters and buffers as float16: what the project keeps of a trained model."""
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    safetensors.torch.save_file(state, path)
