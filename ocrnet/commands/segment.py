"""`ocrnet segment`."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import get_args

from ocrnet.artefacts import common_weights, find_graphs
from ocrnet.commands.arguments import at_least, seconds
from ocrnet.commands.batch import Batch, Task
from ocrnet.commands.segment_runners import LocalRunner, RemoteRunner, Runner
from ocrnet.commands.sources import Source, find_sources, targets
from ocrnet.engines import Device, EngineOptions, choose_gpu, open_engine
from ocrnet.engines.compiled import usual_folder
from ocrnet.errors import InvalidOption
from ocrnet.formats import FORMATS, AnswerOptions
from ocrnet.inference.options import (
    SMALLEST_CROP,
    Mode,
    Resize,
    SegmentOptions,
    parse_scales,
    parse_size,
)
from ocrnet.inference.plan import check_options
from ocrnet.inference.stitching import Blend
from ocrnet.zoo import get_spec

_LARGEST = 10**9
_DEFAULT_OUTPUT = Path("masks")
# Flags that are parameters of `POST /segment` by the same name.
_PARAMETERS = (
    "model", "mode", "crop", "stride", "overlap", "blend", "resize", "scales", "flip", "format",
    "ids", "opacity", "edges", "boxes", "min_pixels", "content",
)  # fmt: skip


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "segment",
        help="segment pictures, here or by a gateway",
        description="Segment pictures, in this process or by a gateway (--url). A picture that "
        "fails is reported and the rest go on.",
        epilog="Exit codes: 0 all done, 1 some failed, 2 nothing to do or a wrong flag, "
        "130 interrupted.",
    )
    parser.add_argument(
        "pictures",
        nargs="+",
        metavar="IMAGE|FOLDER|GLOB|-",
        help="JPEG, PNG and WebP files, folders with all below, patterns; - is standard input, "
        "answered on standard output unless -o is given",
    )
    where = parser.add_argument_group("Where")
    where.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for the answers (default: masks)"
    )
    where.add_argument("--url", help="a gateway, such as http://127.0.0.1:8080")
    where.add_argument(
        "--repository",
        type=Path,
        default=Path("model_repository"),
        metavar="DIR",
        help="without --url: folder of the graphs (default: model_repository)",
    )
    _add_how(parser.add_argument_group("How to segment"))
    _add_answer(parser.add_argument_group("What to answer"))
    running = parser.add_argument_group("Running")
    running.add_argument(
        "--jobs", type=at_least(1), default=2, help="pictures at once (default: 2)"
    )
    running.add_argument(
        "--device",
        choices=get_args(Device),
        default="cpu",
        help="without --url: cpu; cuda, the first NVIDIA GPU that works; or auto, such a GPU if "
        "there is one (default: cpu)",
    )
    running.add_argument(
        "--threads",
        type=at_least(0),
        default=0,
        help="without --url: CPU threads; 0 takes the machine's cores (default: 0)",
    )
    running.add_argument(
        "--timeout", type=seconds, default=600.0, help="with --url: seconds to wait (default: 600)"
    )
    running.add_argument(
        "--json", action="store_true", help="one line of JSON for each picture on standard output"
    )
    parser.set_defaults(run=_run)


def _add_how(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--model", help="name or alias (default: demo, or the gateway's own)")
    group.add_argument("--mode", choices=get_args(Mode), help="default: slide")
    group.add_argument("--crop", metavar="HxW", help="window (default: the training crop)")
    group.add_argument("--stride", metavar="HxW", help="between windows (default: 2/3 of the crop)")
    group.add_argument("--overlap", type=float, metavar="SHARE", help="instead of --stride")
    group.add_argument("--blend", choices=get_args(Blend), help="default: uniform")
    group.add_argument("--resize", choices=get_args(Resize), help="default: none")
    group.add_argument("--scales", metavar="S,S,…", help="test-time augmentation, up to 8 scales")
    group.add_argument("--flip", action="store_true", default=None, help="and mirror images")


def _add_answer(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--format", choices=tuple(FORMATS), default="png", help="default: png")
    group.add_argument("--ids", choices=("train", "label"), help="label: Cityscapes labelIds")
    group.add_argument("--opacity", type=float, help="overlay: of the colours, 0 to 1")
    group.add_argument("--edges", action="store_true", default=None, help="overlay: white edges")
    group.add_argument("--boxes", action="store_true", default=None, help="json: boxes of regions")
    group.add_argument("--min-pixels", type=at_least(1), help="boxes: the smallest region")
    group.add_argument("--content", choices=("labels", "logits"), help="npz: which")


def _run(arguments: argparse.Namespace) -> int:
    try:
        options, answer = _options(arguments), _answer(arguments)
        if not arguments.url:
            spec = get_spec(arguments.model or "demo")
            answer.check_data_set(spec)
            check_options(spec, options)
    except InvalidOption as error:
        return _usage(f"--{error.option.replace('_', '-')}: {error}")
    sources = find_sources(arguments.pictures, arguments.output or _DEFAULT_OUTPUT)
    if not sources:
        return _usage("there is no JPEG, PNG or WebP file in what was named")
    if arguments.json and arguments.output is None and any(s.path is None for s in sources):
        return _usage("--json and the answer to - cannot both go to standard output: give -o")
    return asyncio.run(_segment(arguments, sources, options, answer))


async def _segment(
    arguments: argparse.Namespace,
    sources: list[Source],
    options: SegmentOptions,
    answer: AnswerOptions,
) -> int:
    output = arguments.output or _DEFAULT_OUTPUT
    paths = targets(sources, output, FORMATS[answer.format].suffix)
    tasks = [
        Task(source, None if source.path is None and arguments.output is None else path)
        for source, path in zip(sources, paths, strict=True)
    ]
    runner = _runner(arguments, options, answer)
    try:
        batch = Batch(runner, jobs=arguments.jobs, as_json=arguments.json)
        await batch.run(tasks)
    finally:
        await runner.close()
    if batch.failed and len(tasks) > 1 and not arguments.json:
        _note(f"{batch.failed} of {len(tasks)} pictures failed")
    return 1 if batch.failed else 0


def _runner(
    arguments: argparse.Namespace, options: SegmentOptions, answer: AnswerOptions
) -> Runner:
    if arguments.url:
        given = ((name, getattr(arguments, name)) for name in _PARAMETERS)
        query = {name: _text(value) for name, value in given if value is not None}
        media_type = FORMATS[answer.format].media_type
        return RemoteRunner(arguments.url, query, media_type, arguments.timeout)
    spec = get_spec(arguments.model or "demo")
    gpu = choose_gpu(arguments.device, _note)
    graphs = find_graphs(arguments.repository, spec, on_gpu=gpu is not None)
    weights = common_weights(graph.weights(spec) for graph in graphs)
    # Scripts know their model; masks by random weights mean nothing to them either.
    if weights and weights.note and (weights.origin == "random" or sys.stderr.isatty()):
        _note(f"{spec.name}: {weights.note}")
    how = EngineOptions(threads=arguments.threads, cache=usual_folder(), gpu=gpu)
    engine = open_engine(spec, graphs, how)
    return LocalRunner(spec, engine, options, answer)


def _text(value: object) -> str:
    return "1" if value is True else str(value)


def _options(arguments: argparse.Namespace) -> SegmentOptions:
    return SegmentOptions(
        mode=arguments.mode or "slide",
        crop=parse_size("crop", arguments.crop, SMALLEST_CROP, _LARGEST),
        stride=parse_size("stride", arguments.stride, 1, _LARGEST),
        overlap=arguments.overlap,
        blend=arguments.blend or "uniform",
        resize=arguments.resize or "none",
        scales=parse_scales(arguments.scales),
        flip=bool(arguments.flip),
    )


def _answer(arguments: argparse.Namespace) -> AnswerOptions:
    names = ("format", "ids", "opacity", "edges", "boxes", "min_pixels", "content")
    return AnswerOptions(**{name: getattr(arguments, name) for name in names})


def _note(message: str) -> None:
    print(f"ocrnet segment: {message}", file=sys.stderr)


def _usage(message: str) -> int:
    _note(message)
    return 2
