"""`ocrnet scenes`."""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ocrnet.commands.arguments import at_least
from ocrnet.formats.masks import data_set_ids, index_png, palette_png, rgb_png
from ocrnet.scenes import IGNORE, Scene, draw_scene
from ocrnet.zoo import load_labels

_SPLITS = ("train", "val", "test")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "scenes",
        help="draw street scenes with their label maps",
        description="Draw street scenes, each as SEED.png with its label map SEED_labels.png "
        "(a palette PNG of Cityscapes classes; 255 is ignored), or in the folders and under the "
        "names of Cityscapes, for tools that read that data set.",
    )
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--count", type=at_least(1), default=1, help="how many (default: 1)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="the first seed (default: 0)")
    parser.add_argument("--height", type=at_least(32), default=512, help="pixels (default: 512)")
    parser.add_argument("--width", type=at_least(32), default=1024, help="pixels (default: 1024)")
    parser.add_argument(
        "--layout",
        choices=("flat", "cityscapes"),
        default="flat",
        help="flat: SEED.png and SEED_labels.png; cityscapes: leftImg8bit/ and gtFine/ with "
        "labelIds, labelTrainIds and color (default: flat)",
    )
    parser.add_argument(
        "--split", choices=_SPLITS, default="val", help="for --layout cityscapes (default: val)"
    )
    parser.set_defaults(run=_scenes)


def _scenes(arguments: argparse.Namespace) -> int:
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    for seed in tqdm(seeds, unit="scene", disable=not sys.stderr.isatty()):
        scene = draw_scene(seed, arguments.height, arguments.width)
        if arguments.layout == "flat":
            path, files = _flat(arguments.folder, seed, scene)
        else:
            path, files = _cityscapes(arguments.folder, arguments.split, seed, scene)
        for name, content in files.items():
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_bytes(content)
        tqdm.write(str(path))
    return 0


def _flat(folder: Path, seed: int, scene: Scene) -> tuple[Path, dict[Path, bytes]]:
    """Return the picture's path, and all files by path."""
    path = folder / f"{seed}.png"
    colours = load_labels("cityscapes").colours
    return path, {
        path: rgb_png(scene.image),
        path.with_stem(f"{seed}_labels"): palette_png(scene.labels, colours),
    }


def _cityscapes(
    folder: Path, split: str, seed: int, scene: Scene
) -> tuple[Path, dict[Path, bytes]]:
    """The same in the data set's layout, where 'unlabeled' is 0 in labelIds and black."""
    labels = load_labels("cityscapes")
    known = scene.labels != IGNORE
    indices = np.where(known, scene.labels, 0).astype(np.uint8)
    stem = f"drawn_{seed:06d}_000019"
    path = folder / "leftImg8bit" / split / "drawn" / f"{stem}_leftImg8bit.png"
    truth = folder / "gtFine" / split / "drawn"
    return path, {
        path: rgb_png(scene.image),
        truth / f"{stem}_gtFine_labelIds.png": index_png(data_set_ids(indices, labels) * known),
        truth / f"{stem}_gtFine_labelTrainIds.png": index_png(scene.labels),
        truth / f"{stem}_gtFine_color.png": rgb_png(labels.colours[indices] * known[..., None]),
    }
