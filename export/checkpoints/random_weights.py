"""Deterministic weights for when none in particular are needed: parity, graphs, speed.

Every tensor is drawn from a generator seeded by its own name, so the order of the parameters
does not matter, and another program can fill the same network alike.
"""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def random_tensor(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw the float32 tensor of one parameter or buffer, scaled so that activations stay tame."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    rng = np.random.default_rng(seed)
    values: NDArray[np.float64]
    if name.endswith("running_mean"):
        values = rng.normal(0.0, 0.1, shape)
    elif name.endswith("running_var"):
        values = rng.uniform(0.75, 1.25, shape)
    elif len(shape) == 1 and name.endswith("weight"):  # a batch norm's scale
        residual = name.split(".")[-2] in ("bn2", "bn3")
        values = rng.uniform(0.1, 0.3, shape) if residual else rng.uniform(0.4, 0.8, shape)
    elif len(shape) == 1:  # a bias
        values = rng.normal(0.0, 0.1, shape)
    else:
        gain = 3.0 if "conv_seg" in name or "cls_head" in name else 1.0
        fan_in = int(np.prod(shape[1:]))
        values = rng.normal(0.0, 1.0, shape) * gain * np.sqrt(2.0 / fan_in)
    return values.astype(np.float32)


def random_state(wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Draw a tensor for every name of `wanted` but the counters of batch norms."""
    return {
        name: torch.from_numpy(random_tensor(name, tuple(value.shape)))
        for name, value in wanted.items()
        if not name.endswith("num_batches_tracked")
    }
