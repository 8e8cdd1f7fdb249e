"""`ocrnet scenes`."""

import argparse
from pathlib import Path

import cv2

from ocrnet.commands.arguments import at_least
from ocrnet.formats.masks import palette_png
from ocrnet.scenes import draw_scene
from ocrnet.zoo import load_labels


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "scenes",
        help="draw street scenes with their label maps",
        description="Draw street scenes, each as SEED.png with its label map SEED_labels.png "
        "(a palette PNG of Cityscapes classes; 255 is ignored).",
    )
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--count", type=at_least(1), default=1, help="how many (default: 1)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="the first seed (default: 0)")
    parser.add_argument("--height", type=at_least(32), default=512, help="pixels (default: 512)")
    parser.add_argument("--width", type=at_least(32), default=1024, help="pixels (default: 1024)")
    parser.set_defaults(run=_scenes)


def _scenes(arguments: argparse.Namespace) -> int:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    labels = load_labels("cityscapes")
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        scene = draw_scene(seed, arguments.height, arguments.width)
        path = arguments.folder / f"{seed}.png"
        cv2.imwrite(str(path), cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR))
        path.with_stem(f"{seed}_labels").write_bytes(palette_png(scene.labels, labels.colours))
        print(path)
    return 0
