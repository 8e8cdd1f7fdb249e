"""The command line of `benchmarks/miou.py`: its flags, and which of them exclude each other."""

import argparse
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmarks.accuracy.labelled_images import Pictures, data_set, synthetic_scenes
from benchmarks.lib.arguments import make_parser
from ocrnet.artefacts import ServedPrecision
from ocrnet.commands.arguments import at_least
from ocrnet.engines import Runtime
from ocrnet.errors import InputError
from ocrnet.inference.options import Mode, Resize, SegmentOptions, parse_scales
from ocrnet.zoo import ModelSpec, Size, get_spec

Via = Literal["engine", "torch", "http"]
_CHARTS = (".png", ".svg")

# These are None unless they were given: flags that say nothing beside others are refused.
_ONLY_VIA: dict[str, Via] = {
    "runtime": "engine",
    "precision": "engine",
    "repository": "engine",
    "checkpoint": "torch",
    "url": "http",
}
_ONLY_SCENES = {"scenes": 20, "seed": 0, "height": 512, "width": 1024}
_ONLY_DATA = ("split", "limit")


@dataclass(frozen=True)
class Asked:
    """What is to be scored, how, and where the figures go.

    checkpoint: a file, "stand-in", or None for the model's own. url: empty unless via http.
    bar: mIoU to reach, 0 to 1; None: any.
    """

    spec: ModelSpec
    pictures: Pictures
    via: Via
    options: SegmentOptions
    runtime: Runtime
    precision: ServedPrecision
    repository: Path
    checkpoint: str | None
    url: str
    predictions: Path | None
    confusion: Path | None
    json: Path | None
    state: Path | None
    bar: float | None


def miou_parser(description: str) -> argparse.ArgumentParser:
    """Return the parser; `read` makes sense of what it parses."""
    parser = make_parser("miou.py", description)
    parser.add_argument("--model", default="demo", help="name or alias (default: demo)")
    pictures = parser.add_argument_group("pictures")
    add = pictures.add_argument
    add("--scenes", type=at_least(1), metavar="N", help="so many drawn scenes (default: 20)")
    add("--seed", type=at_least(0), metavar="N", help="the first scene (default: 0)")
    add("--height", type=at_least(32), metavar="N", help="of a scene, pixels (default: 512)")
    add("--width", type=at_least(32), metavar="N", help="of a scene, pixels (default: 1024)")
    add("--data", type=Path, metavar="FOLDER", help="the model's data set instead")
    add("--split", help="of the data set (default: val)")
    add("--limit", type=at_least(1), metavar="N", help="only its first N pictures")
    how = parser.add_argument_group("who labels them, and how")
    add = how.add_argument
    add("--via", choices=get_args(Via), default="engine", help="default: engine")
    add("--runtime", choices=get_args(Runtime), help="of the engine (default: openvino)")
    add(
        "--precision", choices=get_args(ServedPrecision),
        help="of the engine's graphs: float32 or INT8 (default: exact)",
    )  # fmt: skip
    add(
        "--repository", type=Path, metavar="FOLDER",
        help="of the engine's graphs (default: model_repository)",
    )  # fmt: skip
    add(
        "--checkpoint", metavar="FILE",
        help="for PyTorch, or 'stand-in' (default: the demo's own, or what 'pull' fetched)",
    )  # fmt: skip
    add("--url", help="of the gateway, such as http://127.0.0.1:8080")
    add("--mode", choices=get_args(Mode), default="whole", help="default: whole")
    add("--resize", choices=get_args(Resize), default="none", help="default: none")
    add("--scales", metavar="S,S,…", help="test-time augmentation, such as 0.75,1.0,1.25")
    add("--flip", action="store_true", help="and mirror images")
    results = parser.add_argument_group("results")
    add = results.add_argument
    add("--bar", type=float, help="mIoU to reach, with every class present; else status 1")
    add("--json", type=Path, metavar="FILE", help="all figures and the confusion matrix")
    add("--confusion", type=Path, metavar="FILE", help="the matrix as a picture, .png or .svg")
    add("--predictions", type=Path, metavar="FOLDER", help="label maps to submit")
    add("--state", type=Path, metavar="FILE", help="go on from it if the run is interrupted")
    return parser


def read(arguments: argparse.Namespace) -> Asked:
    """Check what goes together and fill in what was left out; raises OcrnetError, OSError."""
    for name, via in _ONLY_VIA.items():
        if via != arguments.via:
            _refuse(arguments, [name], f"--via {via}")
    if arguments.data:
        _refuse(arguments, _ONLY_SCENES, "drawn scenes; with --data, --limit says how many")
    else:
        _refuse(arguments, _ONLY_DATA, "--data FOLDER")
    if arguments.via == "http" and not arguments.url:
        raise InputError("--via http needs --url, such as http://127.0.0.1:8080")
    if arguments.precision == "fast" and arguments.runtime == "onnxruntime":
        raise InputError("--precision fast is for --runtime openvino")
    if arguments.confusion:
        _check_chart(arguments.confusion)
    spec, scales = get_spec(arguments.model), parse_scales(arguments.scales)
    return Asked(
        spec=spec,
        pictures=_pictures(arguments, spec),
        via=arguments.via,
        options=SegmentOptions(
            arguments.mode, resize=arguments.resize, scales=scales, flip=arguments.flip
        ),
        runtime=arguments.runtime or "openvino",
        precision=arguments.precision or "exact",
        repository=arguments.repository or Path("model_repository"),
        checkpoint=arguments.checkpoint,
        url=arguments.url or "",
        predictions=arguments.predictions,
        confusion=arguments.confusion,
        json=arguments.json,
        state=arguments.state,
        bar=arguments.bar,
    )


def _refuse(arguments: argparse.Namespace, names: Iterable[str], what_for: str) -> None:
    for name in names:
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name} is for {what_for}")


def _check_chart(path: Path) -> None:
    if path.suffix not in _CHARTS:
        raise InputError(f"--confusion is {path}: its name ends with {' or '.join(_CHARTS)}")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("--confusion needs matplotlib: run 'make .venv', or pip install it")


def _pictures(arguments: argparse.Namespace, spec: ModelSpec) -> Pictures:
    if arguments.data:
        return data_set(spec, arguments.data, arguments.split or "val", arguments.limit)
    count, seed, height, width = (
        default if getattr(arguments, name) is None else getattr(arguments, name)
        for name, default in _ONLY_SCENES.items()
    )
    return synthetic_scenes(spec, seed, count, Size(height, width))
