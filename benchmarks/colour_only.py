"""The best that a classifier can do on drawn scenes that sees one pixel's colour alone.

It must stay low: where a colour tells the class, a network learns the colour and nothing else.
The classifier is the joint histogram of colours and classes over training scenes. Between the most
probable class and the class-balanced decision lies a family: counts over a power of the class's
total; the best of it counts.

    python benchmarks/colour_only.py
    python benchmarks/colour_only.py --training 400 --scenes 100 --cells 64
"""

import sys

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.table import Table
from ocrnet.datasets.miou import IGNORE, ConfusionMatrix
from ocrnet.scenes import Scene, draw_scene
from ocrnet.zoo import load_labels

Counts = NDArray[np.int64]
FIRST_TRAINING_SEED = 1_000_000
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def cells_of(scene: Scene, cells: int) -> NDArray[np.int64]:
    """Every pixel's colour as the index of its cell: (height, width)."""
    red, green, blue = np.moveaxis(scene.image.astype(np.int64) * cells // 256, -1, 0)
    index: NDArray[np.int64] = (red * cells + green) * cells + blue
    return index


def histogram(seeds: range, cells: int, classes: int) -> Counts:
    """How often each class has each colour: (cells³, classes)."""
    counts: Counts = np.zeros(cells**3 * classes, np.int64)
    for seed in tqdm(seeds, unit="scene"):
        scene = draw_scene(seed)
        known = scene.labels != IGNORE
        joint = cells_of(scene, cells)[known] * classes + scene.labels[known]
        counts += np.bincount(joint, minlength=counts.size)
    return counts.reshape(-1, classes)


def main() -> int:
    """Command line."""
    parser = make_parser("colour_only.py", __doc__)
    parser.add_argument("--training", type=int, default=200, help="scenes to fit (default: 200)")
    parser.add_argument("--scenes", type=int, default=50, help="unseen scenes (default: 50)")
    parser.add_argument("--cells", type=int, default=32, help="per channel (default: 32)")
    parser.add_argument("--bar", type=float, default=0.35, help="mIoU to stay below")
    arguments = parser.parse_args()
    names = load_labels("cityscapes").names
    training = range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + arguments.training)
    counts = histogram(training, arguments.cells, len(names))
    totals = np.maximum(counts.sum(axis=0), 1)
    decisions = {power: (counts / totals**power).argmax(axis=1) for power in POWERS}
    matrices = {power: ConfusionMatrix(len(names)) for power in POWERS}
    for seed in tqdm(range(arguments.scenes), unit="scene"):
        scene = draw_scene(seed)
        cells = cells_of(scene, arguments.cells)
        for power, decision in decisions.items():
            matrices[power].add(scene.labels, decision[cells].astype(np.uint8))
    power, best = max(matrices.items(), key=lambda item: item[1].miou())
    rows = [[name, f"{value:.4f}"] for name, value in zip(names, best.iou().tolist(), strict=True)]
    rows.append(["mIoU", f"{best.miou():.4f}"])
    print(Table(["class", "IoU"], rows).for_terminal())
    print(f"(power {power}, bar {arguments.bar})")
    return 0 if best.miou() < arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
