"""Mean IoU on drawn street scenes that no training has seen, through the served path.

Scenes are numbered by their seed; training starts at seed 1,000,000.

    python benchmarks/miou.py --scenes 20
    python benchmarks/miou.py --scenes 20 --height 1024 --width 2048 --mode slide
    python benchmarks/miou.py --scenes 20 --url http://127.0.0.1:8080
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import httpx2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from ocrnet.artefacts import find_graphs
from ocrnet.engines import open_engine
from ocrnet.miou import ConfusionMatrix
from ocrnet.options import Mode, SegmentOptions
from ocrnet.plan import plan_request
from ocrnet.scenes import draw_scene
from ocrnet.segmenter import segment
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec, Size, get_spec

Picture = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def in_process(spec: ModelSpec, repository: Path, mode: Mode) -> Callable[[Picture], Labels]:
    """Segment through the core, without HTTP."""
    engine = open_engine(spec, find_graphs(repository, spec))
    options = SegmentOptions(mode)

    def label(image: Picture) -> Labels:
        plan = plan_request(Size(*image.shape[:2]), spec, options)
        return asyncio.run(segment(image, spec, engine, plan, Timings())).labels

    return label


def over_http(spec: ModelSpec, url: str, mode: str) -> Callable[[Picture], Labels]:
    """Segment through a running gateway, PNG in and PNG out."""
    client = httpx2.Client(base_url=url, timeout=600)

    def label(image: Picture) -> Labels:
        _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        query = {"model": spec.name, "mode": mode}
        answer = client.post("/segment", params=query, files={"image": png.tobytes()})
        if answer.is_error:
            sys.exit(f"{url} answered {answer.status_code}: {answer.text}")
        return np.asarray(Image.open(BytesIO(answer.content)))

    return label


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo", help="a Cityscapes model (default: demo)")
    parser.add_argument("--scenes", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="the first scene (default: 0)")
    parser.add_argument("--height", type=int, default=512, help="pixels (default: 512)")
    parser.add_argument("--width", type=int, default=1024, help="pixels (default: 1024)")
    parser.add_argument("--mode", choices=("whole", "slide"), default="whole")
    parser.add_argument("--url", help="a running gateway; without it, in process")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    spec = get_spec(arguments.model)
    if spec.dataset != "cityscapes":
        sys.exit(f"{spec.name} knows {spec.dataset} classes; drawn scenes have those of Cityscapes")
    if arguments.url:
        label = over_http(spec, arguments.url, arguments.mode)
    else:
        label = in_process(spec, arguments.repository, arguments.mode)
    matrix = ConfusionMatrix(spec.classes)
    for seed in tqdm(range(arguments.seed, arguments.seed + arguments.scenes), unit="scene"):
        scene = draw_scene(seed, arguments.height, arguments.width)
        matrix.add(scene.labels, label(scene.image))
    iou = dict(zip(spec.labels.names, matrix.iou().tolist(), strict=True))
    for name, value in iou.items():
        print(f"{name:16}{value:7.4f}")
    print(f"{'mIoU':16}{matrix.miou():7.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"miou": matrix.miou(), "iou": iou}, indent=2) + "\n")


if __name__ == "__main__":
    main()
