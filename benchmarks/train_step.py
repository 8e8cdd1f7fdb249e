"""What makes a training step on a CPU fast: seconds of one step in each way, interleaved.

    python benchmarks/train_step.py

Each way adds to the one before: channels first, channels last, the OCR head's 3×3 convolution
without enlarging its coarse branches (export/training/cheaper_heads.py), freed memory kept,
bfloat16. The memory is kept for the whole process, so the last two come after the rest.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.table import Table
from export.network import OCRNet
from export.network.layers import resize
from export.training.batches import draw_batch
from export.training.cheaper_heads import heads
from export.training.run_config import read_config
from ocrnet.datasets.miou import IGNORE
from ocrnet.process import keep_all_freed
from ocrnet.zoo import get_spec

Heads = Callable[[OCRNet, Tensor], tuple[Tensor, Tensor]]
_CONFIG = Path(__file__).parents[1] / "export" / "configs" / "demo-4.toml"


def measure(steps: int) -> dict[str, float]:
    """Seconds of a step without drawing its pictures, by way: the median of `steps`."""
    config = read_config(_CONFIG)
    pictures, labels = draw_batch(config, 0)
    labels = labels.long()
    first, last = torch.contiguous_format, torch.channels_last
    ways: dict[str, tuple[torch.memory_format, Heads, bool]] = {
        "channels first": (first, OCRNet.heads, False),
        "channels last": (last, OCRNet.heads, False),
        "enlarged branches apart": (last, heads, False),
    }
    later: dict[str, tuple[torch.memory_format, Heads, bool]] = {
        "freed memory kept": (last, heads, False),
        "bfloat16": (last, heads, True),
    }
    seconds: dict[str, float] = {}
    for group in (ways, later):
        if group is later:
            keep_all_freed()
        taken: dict[str, list[float]] = {name: [] for name in group}
        networks = {name: OCRNet(get_spec(config.model)).train() for name in group}
        for round_number in range(steps + 1):
            for name, (layout, way, half) in group.items():
                started = time.perf_counter()
                _step(networks[name], pictures, labels, layout, way, half)
                if round_number:  # the first one warms up
                    taken[name].append(time.perf_counter() - started)
        seconds |= {name: statistics.median(times) for name, times in taken.items()}
    return seconds


def _step(
    network: OCRNet,
    pictures: Tensor,
    labels: Tensor,
    layout: torch.memory_format,
    way: Heads,
    half: bool,
) -> None:
    network.to(memory_format=layout)  # type: ignore[call-overload]
    x = network.normalise(pictures).contiguous(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = way(network, x)
    loss_of = nn.CrossEntropyLoss(ignore_index=IGNORE)
    height, width = labels.shape[1:]
    main, auxiliary = (
        loss_of(resize(part.float(), height, width, align_corners=False), labels) for part in logits
    )
    network.zero_grad()
    (main + 0.4 * auxiliary).backward()


def main() -> None:
    """Command line."""
    parser = make_parser("train_step.py", __doc__)
    parser.add_argument("--steps", type=int, default=5, help="of each way; the median is printed")
    seconds = measure(parser.parse_args().steps)
    slowest = seconds["channels first"]
    rows = [[name, f"{taken:.2f}", f"{slowest / taken:.2f}"] for name, taken in seconds.items()]
    print(Table(["", "s", "×"], rows).for_terminal())


if __name__ == "__main__":
    main()
