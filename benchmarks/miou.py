"""Mean IoU on drawn street scenes that no training has seen.

Scenes are numbered by their seed; training starts at seed 1,000,000. By default in process, through
all that serves a picture but HTTP.

    python benchmarks/miou.py --scenes 200
    python benchmarks/miou.py --scenes 20 --height 1024 --width 2048 --mode slide
    python benchmarks/miou.py --scenes 20 --scales 0.75,1.0,1.25 --flip
    python benchmarks/miou.py --scenes 200 --url http://127.0.0.1:8080
    python benchmarks/miou.py --scenes 200 --pytorch export/weights/demo.safetensors
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
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from export import load_model
from ocrnet.artefacts import find_graphs
from ocrnet.engines import open_engine
from ocrnet.miou import ConfusionMatrix
from ocrnet.options import SegmentOptions, parse_scales
from ocrnet.plan import plan_request
from ocrnet.scenes import draw_scene
from ocrnet.segmenter import segment
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec, Size, get_spec

Picture = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Labeller = Callable[[Picture], Labels]


def in_process(spec: ModelSpec, repository: Path, options: SegmentOptions) -> Labeller:
    """Segment through the core, without HTTP."""
    engine = open_engine(spec, find_graphs(repository, spec))

    def label(image: Picture) -> Labels:
        plan = plan_request(Size(*image.shape[:2]), spec, options)
        return asyncio.run(segment(image, spec, engine, plan, Timings())).labels

    return label


def over_http(spec: ModelSpec, url: str, query: dict[str, str]) -> Labeller:
    """Segment through a running gateway, PNG in and PNG out."""
    client = httpx2.Client(base_url=url, timeout=600)

    def label(image: Picture) -> Labels:
        _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        parameters = {"model": spec.name, **query}
        answer = client.post("/segment", params=parameters, files={"image": png.tobytes()})
        if answer.is_error:
            sys.exit(f"{url} answered {answer.status_code}: {answer.text}")
        return np.asarray(Image.open(BytesIO(answer.content)))

    return label


def in_pytorch(spec: ModelSpec, checkpoint: Path) -> Labeller:
    """Segment the whole picture with PyTorch alone: none of what is served takes part."""
    network = load_model(spec, checkpoint)

    def label(image: Picture) -> Labels:
        with torch.inference_mode():
            logits = network(torch.from_numpy(image)[None])
            size = image.shape[:2]
            full = torch.nn.functional.interpolate(logits, size, mode="bilinear")
            labels: Labels = full.argmax(1)[0].to(torch.uint8).numpy()
        return labels

    return label


def main() -> int:
    """Command line; 1 if the bar is missed or a class is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo", help="a Cityscapes model (default: demo)")
    parser.add_argument("--scenes", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="the first scene (default: 0)")
    parser.add_argument("--height", type=int, default=512, help="pixels (default: 512)")
    parser.add_argument("--width", type=int, default=1024, help="pixels (default: 1024)")
    parser.add_argument("--mode", choices=("whole", "slide"), default="whole")
    parser.add_argument("--scales", help="test-time augmentation, such as 0.75,1.0,1.25")
    parser.add_argument("--flip", action="store_true", help="and mirror images")
    parser.add_argument("--url", help="a running gateway instead")
    parser.add_argument("--pytorch", type=Path, metavar="CHECKPOINT", help="PyTorch instead, whole")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    parser.add_argument("--bar", type=float, default=0.0, help="mIoU to reach (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    spec = get_spec(arguments.model)
    if spec.dataset != "cityscapes":
        sys.exit(f"{spec.name} knows {spec.dataset} classes; drawn scenes have those of Cityscapes")
    label = _labeller(arguments, spec)
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
    absent = [name for name, count in zip(iou, matrix.counts.sum(1), strict=True) if not count]
    if absent:
        print(f"not in these scenes: {', '.join(absent)}")
    return 0 if matrix.miou() >= arguments.bar and not absent else 1


def _labeller(arguments: argparse.Namespace, spec: ModelSpec) -> Labeller:
    if arguments.pytorch:
        if arguments.mode != "whole" or arguments.scales or arguments.flip:
            sys.exit("--pytorch is for --mode whole, without --scales and --flip")
        return in_pytorch(spec, arguments.pytorch)
    if arguments.url:
        query = {"mode": arguments.mode, "flip": str(int(arguments.flip))}
        if arguments.scales:
            query["scales"] = arguments.scales
        return over_http(spec, arguments.url, query)
    scales = parse_scales(arguments.scales)
    options = SegmentOptions(arguments.mode, scales=scales, flip=arguments.flip)
    return in_process(spec, arguments.repository, options)


if __name__ == "__main__":
    sys.exit(main())
