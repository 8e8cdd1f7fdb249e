"""How fast scenes are drawn, on one core, and how much of them each class has.

    python benchmarks/scenes.py
    python benchmarks/scenes.py --scenes 200 --timed 40

Time is CPU time of this process, the median over scenes: other work on the machine counts little.
"""

import statistics
import sys
import time

import cv2
import numpy as np

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.table import Table
from ocrnet.scenes import draw_scene
from ocrnet.zoo import load_labels


def seconds_per_scene(scenes: int, height: int, width: int) -> float:
    """The median CPU time of drawing one scene."""
    draw_scene(0, height, width)  # makes the texture tiles
    seconds = []
    for seed in range(scenes):
        started = time.process_time()
        draw_scene(seed, height, width)
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


def main() -> int:
    """Command line."""
    parser = make_parser("scenes.py", __doc__)
    parser.add_argument("--scenes", type=int, default=200, help="for the shares (default: 200)")
    parser.add_argument("--timed", type=int, default=20, help="for the speed (default: 20)")
    parser.add_argument("--bar", type=float, default=10, help="scenes per second at 512x1024")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rates = {}
    for height in (512, 1024):
        seconds = seconds_per_scene(arguments.timed, height, 2 * height)
        rates[height] = 1 / seconds
        print(f"{height}x{2 * height}: {1000 * seconds:.0f} ms of CPU, {1 / seconds:.1f} scenes/s")
    names = [*load_labels("cityscapes").names, "ignore"]
    pixels, present = np.zeros(len(names)), np.zeros(len(names))
    for seed in range(arguments.scenes):
        labels = np.minimum(draw_scene(seed, 256, 512).labels, len(names) - 1)
        counts = np.bincount(labels.ravel(), minlength=len(names))
        pixels += counts / labels.size
        present += counts > 0
    rows = [
        [name, f"{share / arguments.scenes:.2%}", f"{seen / arguments.scenes:.0%}"]
        for name, share, seen in zip(names, pixels, present, strict=True)
    ]
    print(Table(["class", "pixels", "scenes"], rows).for_terminal())
    return 0 if rates[512] >= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
