"""Train an OCRNet on drawn street scenes, on a CPU or a GPU.

As mmsegmentation trains OCRNet: cross entropy at the picture's size on both heads, the auxiliary
one at 0.4; SGD with momentum under a polynomial schedule. Beyond it, the weights that are kept are
an exponential average over the steps. Scenes follow from the step's number, so a resumed run sees
what an uninterrupted one would have seen.

    python -m export.train export/configs/demo.toml
    python -m export.train export/configs/demo.toml --device cuda --workers 15

A GPU computes in bfloat16, which a CPU is slower with (benchmarks/train_step.py), and so gives
other weights.
"""

import argparse
from pathlib import Path

from export.training.loop import train
from export.training.run_config import read_config
from ocrnet.process import keep_all_freed


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="the run's TOML file")
    parser.add_argument("--folder", type=Path, default=Path("runs/demo"), help="checkpoints, log")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that draw scenes (default: 0, a thread)"
    )
    arguments = parser.parse_args()
    keep_all_freed()  # a step on a CPU then takes 0.6 times as long
    config = read_config(arguments.config)
    train(config, arguments.folder, device=arguments.device, workers=arguments.workers)


if __name__ == "__main__":
    main()
