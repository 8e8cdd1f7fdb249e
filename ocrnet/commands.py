"""The subcommands that need nothing but the core."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2

from ocrnet.artefacts import kinds_present
from ocrnet.masks import palette_png
from ocrnet.scenes import draw_scene
from ocrnet.zoo import load_labels, load_zoo


def register_models(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`ocrnet models`."""
    parser = commands.add_parser("models", help="list the models that can be served")
    parser.add_argument("--json", action="store_true", help="everything known, as JSON")
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path("model_repository"),
        metavar="FOLDER",
        help="where to look for graphs (default: model_repository)",
    )
    parser.set_defaults(run=_models)


def _models(arguments: argparse.Namespace) -> int:
    if arguments.json:
        print(json.dumps([asdict(spec) for spec in load_zoo().values()], indent=2))
        return 0
    print(f"{'name':36}{'data set':12}{'mIoU':>7}{'ms+flip':>9}{'fps':>8}  {'on':7}graphs here")
    for spec in load_zoo().values():
        figures = spec.published
        graphs = ", ".join(kinds_present(arguments.repository, spec.name)) or "-"
        print(
            f"{spec.name:36}{spec.dataset:12}{_figure(figures.miou):>7}"
            f"{_figure(figures.miou_ms_flip):>9}{_figure(figures.fps):>8}"
            f"  {figures.device or '-':7}{graphs}"
        )
    return 0


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def register_scenes(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`ocrnet scenes`."""
    parser = commands.add_parser(
        "scenes",
        help="draw street scenes with their label maps",
        description="Draw street scenes, each as SEED.png with its label map SEED_labels.png "
        "(a palette PNG of Cityscapes classes; 255 is ignored).",
    )
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--count", type=_at_least(1), default=1, help="how many (default: 1)")
    parser.add_argument("--seed", type=_at_least(0), default=0, help="the first seed (default: 0)")
    parser.add_argument("--height", type=_at_least(32), default=512, help="pixels (default: 512)")
    parser.add_argument("--width", type=_at_least(32), default=1024, help="pixels (default: 1024)")
    parser.set_defaults(run=_scenes)


def _at_least(smallest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least {smallest}")
        return int(text)

    return number


def _scenes(arguments: argparse.Namespace) -> int:
    arguments.folder.mkdir(parents=True, exist_ok=True)
    labels = load_labels("cityscapes")
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        scene = draw_scene(seed, arguments.height, arguments.width)
        path = arguments.folder / f"{seed}.png"
        cv2.imwrite(str(path), cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR))
        path.with_stem(f"{seed}_labels").write_bytes(palette_png(scene.labels, labels))
        print(path)
    return 0
