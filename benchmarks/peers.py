"""Our engine and our HTTP requests against what one would run otherwise, in turns.

Engines, from an image in memory to logits: OpenVINO and ONNX Runtime on the unmodified export, and
ours, exact and fast (INT8). Requests, from an image to its label map: the PyTorch module as
mmsegmentation runs it (channels first; channels last beside it), and HTTP, from a PNG sent to the
mask received: models in the gateway's process, and behind the local Triton where it is installed.
Figures are medians of one run's turns, and ratios of them: seconds of other machines, or of another
hour, are not compared.

    python benchmarks/peers.py                                     the demo, 1024x2048, whole
    python benchmarks/peers.py --model ocrnet_hr48_cityscapes_160k
    python benchmarks/peers.py --backbones --build                 graphs of the four backbones
    python benchmarks/peers.py --backbones --turns 3 --json docs/data/peers-backbones-avx512.json

What the last one writes is a table of docs/results.md (benchmarks/docs_tables.py). Without a pulled
checkpoint the weights are random: as fast, no use.
"""

import argparse
import asyncio
import copy
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import onnx
import torch
from torch.nn.functional import interpolate

from benchmarks.lib import provenance
from benchmarks.lib.arguments import (
    add_built_graphs,
    add_json,
    add_size,
    add_turns,
    make_parser,
)
from benchmarks.lib.bare_runtimes import openvino_run
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.json_files import read_json, write_json
from benchmarks.lib.peers_table import ENGINE, GROUPS, REQUEST, Peers, peers_table, summary
from benchmarks.lib.scene_files import quick_png
from benchmarks.speed.graph_runtimes import best_checkpoint
from export.artefacts.build_artefact import build_artefact, is_current
from export.artefacts.settings import BuildSettings, Int8Settings
from export.artefacts.targets import Target
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from export.int8.calibration import Calibration
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.artefacts import Kind, ServedPrecision, find_graphs
from ocrnet.engines import Engine, EngineOptions, open_engine
from ocrnet.engines.contract import Images
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.errors import ArtefactError, OcrnetError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import ModelSpec, get_spec
from server.local_triton import find_environment

# HRNet-W18-Small, HRNet-W18, HRNet-W48 and ResNet-101-D8.
_BACKBONES = (
    "demo",
    "ocrnet_hr18_cityscapes_160k",
    "ocrnet_hr48_cityscapes_160k",
    "ocrnet_r101-d8_cityscapes_80k_b16",
)
_PACKAGES = ("torch", "onnxruntime", "openvino", "nncf", "tritonclient", "numpy")


def main() -> int:
    """Command line."""
    arguments = _arguments()
    models = arguments.model or (_BACKBONES if arguments.backbones else ("demo",))
    run = Peers(
        date=provenance.today(),
        device=provenance.device(),
        size=str(arguments.size),
        versions=provenance.versions_of(_PACKAGES),
        turns=arguments.turns,
    )
    try:
        for model in models:
            spec = get_spec(model)
            source = Source(spec, best_checkpoint(spec))
            if arguments.build:
                _build(source, arguments)
                continue
            with ExitStack() as stack:
                seconds = in_turns(_contestants(source, arguments, stack), arguments.turns)
            print(f"\n{spec.name}, {arguments.size}, whole, on {run.device}\n")
            print(summary(seconds).for_terminal())
            if arguments.json:
                _add(arguments.json, run, source, seconds)
    except OcrnetError as error:
        print(f"peers.py: {error}", file=sys.stderr)
        return 1
    if arguments.json and arguments.json.exists():
        print(f"\n{peers_table(Peers.from_json(read_json(arguments.json))).for_terminal()}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = make_parser("peers.py", __doc__)
    add = parser.add_argument
    add("--model", nargs="+", metavar="NAME", help="names of models (default: demo)")
    add("--backbones", action="store_true", help=f"instead of --model: {', '.join(_BACKBONES)}")
    add("--build", action="store_true", help="build the graphs that are missing, measure nothing")
    add_size(parser)
    add_turns(parser)
    add_built_graphs(parser, "runs/fps")
    add_json(parser)
    arguments = parser.parse_args()
    if arguments.model and arguments.backbones:
        parser.error("--model and --backbones exclude each other")
    return arguments


def _add(path: Path, run: Peers, source: Source, seconds: dict[str, list[float]]) -> None:
    """Put a model's seconds into the file, beside those that it has of the same conditions."""
    there = Peers.from_json(read_json(path)) if path.exists() else run
    if not there.same_conditions(run):
        raise ArtefactError(f"{path} is of another machine, size, count of turns or versions")
    name = source.spec.name
    random = set(there.random) - {name}
    if source.checkpoint == RANDOM_WEIGHTS:
        random.add(name)
    result = replace(run, models={**there.models, name: seconds}, random=sorted(random))
    write_json(path, asdict(result))


def _build(source: Source, arguments: argparse.Namespace) -> bool:
    """Build what is missing, in float32 and in INT8; return whether there is INT8.

    Of random weights INT8 is calibrated with few images, and by --build alone: where it changes
    too many labels, which says nothing of random ones, its rows are left out.
    """
    settings = BuildSettings(arguments.repository / "optimised")
    random = source.checkpoint == RANDOM_WEIGHTS
    if random:
        settings = replace(settings, int8=Int8Settings(Calibration(count=4)))
    fixed = _kind(source.spec, arguments)
    exact, fast = Target("onnx", "float32"), Target("openvino", "int8")
    for kind, target in dict.fromkeys([("dynamic", exact), (fixed, exact), (fixed, fast)]):
        if is_current(source, kind, target, settings):
            continue
        name = f"{source.spec.name} {kind} {target}"
        if target == fast and random and not arguments.build:
            print(f"{name} is missing, its rows are left out: --build builds it", file=sys.stderr)
            return False
        print(name, file=sys.stderr)
        try:
            build_artefact(source, kind, target, settings)
        except ArtefactError as error:
            if target != fast or not random:
                raise
            print(f"{name} is left out: {error}", file=sys.stderr)
            return False
    return True


def _kind(spec: ModelSpec, arguments: argparse.Namespace) -> Kind:
    if arguments.size == spec.crop:
        return "window"
    return "whole" if arguments.size == spec.whole else "dynamic"


def _contestants(source: Source, arguments: argparse.Namespace, stack: ExitStack) -> dict[str, Run]:
    fast = _build(source, arguments)
    image = draw_scene(0, arguments.size.height, arguments.size.width).image
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    runs = [
        *_engines(source, arguments, image[None], folder, stack, fast=fast),
        *_eager(source, image[None]),
        *_requests(source.spec, arguments, quick_png(image), folder, stack, fast=fast),
    ]
    named = zip((*GROUPS[ENGINE], *GROUPS[REQUEST]), runs, strict=True)
    return {name: run for name, run in named if run is not None}


def _engines(
    source: Source,
    arguments: argparse.Namespace,
    images: Images,
    folder: Path,
    stack: ExitStack,
    *,
    fast: bool,
) -> list[Run | None]:
    """In the order of GROUPS; None: left out."""
    spec, repository = source.spec, arguments.repository / "optimised"
    kind = _kind(spec, arguments)
    export = folder / "export.onnx"
    onnx.save(source.traced_graph(kind), export)
    free, fixed, runtime = openvino_run(export), OpenVinoGraph(export), OnnxRuntimeGraph(export)
    loop = stack.enter_context(asyncio.Runner())

    def ours(precision: ServedPrecision, options: EngineOptions) -> Run:
        # What the run needs: the engine is not to hold more of a large model than that.
        graphs = find_graphs(repository, spec, precision)
        graphs = [graph for graph in graphs if graph.manifest.kind in ("dynamic", kind)]
        engine = open_engine(spec, graphs, options)
        stack.callback(_close, loop, engine)
        return partial(_infer, loop, engine, images)

    return [
        lambda: free(images),
        lambda: fixed.run(images, "logits"),
        lambda: runtime.run(images, "logits"),
        ours("exact", EngineOptions()),
        ours("exact", EngineOptions("onnxruntime")),
        ours("fast", EngineOptions()) if fast else None,
    ]


def _requests(
    spec: ModelSpec,
    arguments: argparse.Namespace,
    sent: bytes,
    folder: Path,
    stack: ExitStack,
    *,
    fast: bool,
) -> list[Run | None]:
    """In the order of GROUPS; None: left out."""
    repository = arguments.repository / "optimised"
    flags: dict[str, list[str] | None] = {"exact": [], "fast": None, "triton": None}
    if fast:
        flags["fast"] = ["--fast", spec.name]
    if find_environment() is None:
        print(
            "Triton is not installed, and left out: 'ocrnet triton --install-only' installs it",
            file=sys.stderr,
        )
    else:
        write_configs(spec, repository, Serving())
        flags["triton"] = ["--triton", "local"]
    runs: list[Run | None] = []
    for name, given in flags.items():
        if given is None:
            runs.append(None)
            continue
        usual = ["--models", spec.name, "--repository", str(repository)]
        log = folder / f"{name}.log"
        gateway = stack.enter_context(running_gateway(log, *usual, *given, timeout=600))
        runs.append(partial(_request, gateway, sent))
    return runs


def _infer(loop: asyncio.Runner, engine: Engine, images: Images) -> None:
    loop.run(engine.infer(images, "logits"))


def _close(loop: asyncio.Runner, engine: Engine) -> None:
    loop.run(engine.close())


def _request(gateway: GatewayProcess, data: bytes) -> None:
    answer = gateway.client.post("/segment", params={"mode": "whole"}, content=data)
    answer.raise_for_status()


def _eager(source: Source, images: Images) -> list[Run]:
    """The PyTorch module, upsampling and argmax included: channels first, then last."""
    layouts = (torch.contiguous_format, torch.channels_last)
    return [_eager_run(source, images, layout) for layout in layouts]


def _eager_run(source: Source, images: Images, layout: torch.memory_format) -> Run:
    network = copy.deepcopy(source.network)
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=layout)
    given, size, corners = torch.from_numpy(images), images.shape[1:3], source.spec.align_corners

    def run() -> torch.Tensor:
        with torch.inference_mode():
            normalised = network.normalise(given).contiguous(memory_format=layout)
            logits, _ = network.heads(normalised)
            return interpolate(logits, size, mode="bilinear", align_corners=corners).argmax(1)

    return run


if __name__ == "__main__":
    sys.exit(main())
