"""Upsample + argmax by convexity against the plain way, on the logits of a drawn scene.

The plain way upsamples all logits with OpenCV, plane by plane, and takes NumPy's argmax.

    python benchmarks/argmax.py --runs 5
"""

import asyncio
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.lib.arguments import add_served_graphs, make_parser
from benchmarks.lib.table import Table
from ocrnet.artefacts import find_graphs
from ocrnet.engines import open_engine
from ocrnet.inference.argmax import LabelMap, upsample_argmax
from ocrnet.inference.interpolation import Floats
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec


def plain(logits: Floats, size: Size) -> LabelMap:
    """Upsample everything, then argmax."""
    planes = [cv2.resize(plane, (size.width, size.height)) for plane in logits]
    labels: LabelMap = np.stack(planes).argmax(0).astype(np.uint8)
    return labels


def main() -> None:
    """Command line."""
    parser = make_parser("argmax.py", __doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each, in turns")
    add_served_graphs(parser)
    arguments = parser.parse_args()
    spec, size = get_spec("demo"), Size(1024, 2048)
    engine = open_engine(spec, find_graphs(arguments.repository, spec))
    image = draw_scene(3, size.height, size.width).image
    logits = np.asarray(asyncio.run(engine.infer(image[None], "logits"))[0], np.float32)
    ways: dict[str, Callable[[], LabelMap]] = {
        "plain": lambda: plain(logits, size),
        "by convexity": lambda: upsample_argmax(logits, size, align_corners=False),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    labels = {}
    for _ in range(arguments.runs):
        for name, way in ways.items():
            started = time.perf_counter()
            labels[name] = way()
            seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    rows = [[name, f"{value * 1000:.1f}"] for name, value in median.items()]
    print(Table(["", "ms"], rows).for_terminal())
    print(f"ratio {median['plain'] / median['by convexity']:.1f}")
    print(f"equal on {(labels['plain'] == labels['by convexity']).mean():.4%} of pixels")


if __name__ == "__main__":
    main()
