"""Our engine and our HTTP requests against what one would run otherwise, in turns.

Engines, from a picture in memory to logits: OpenVINO and ONNX Runtime on the unmodified export, and
ours, exact and fast (INT8). Requests, from a picture to its label map: the PyTorch module as
mmsegmentation runs it (channels first; channels last beside it), and HTTP, from a PNG sent to the
mask received.
Figures are medians of one run's turns, and ratios of them: seconds of other machines, or of another
hour, are not compared.

    python benchmarks/peers.py                                     the demo, 1024x2048, whole
    python benchmarks/peers.py --model ocrnet_hr48_cityscapes_160k
"""

import argparse
import asyncio
import copy
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import onnx
import torch
from torch.nn.functional import interpolate

from benchmarks.lib import provenance
from benchmarks.lib.arguments import (
    add_built_graphs,
    add_json,
    add_model,
    add_size,
    add_turns,
    make_parser,
)
from benchmarks.lib.bare_runtimes import openvino_run
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.json_files import write_json
from benchmarks.lib.scene_files import quick_png
from benchmarks.lib.table import Table
from benchmarks.speed.graph_runtimes import best_checkpoint, ready_graph
from export.artefacts.targets import Target
from export.graphs.source import Source
from ocrnet.artefacts import Artefact, Kind, ServedPrecision, find_graphs
from ocrnet.engines import Engine, open_engine
from ocrnet.engines.contract import Images
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.errors import OcrnetError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import ModelSpec, get_spec


@dataclass(frozen=True)
class Contestant:
    """What takes part. group: within it, figures are set against the reference."""

    name: str
    group: str
    run: Run
    reference: bool = False


def main() -> int:
    """Command line."""
    parser = make_parser("peers.py", __doc__)
    add_model(parser)
    add_size(parser)
    add_turns(parser)
    add_built_graphs(parser, "runs/fps")
    add_json(parser)
    arguments = parser.parse_args()
    try:
        with ExitStack() as stack:
            contestants = _contestants(arguments, stack)
            seconds = in_turns({one.name: one.run for one in contestants}, arguments.turns)
    except OcrnetError as error:
        print(f"peers.py: {error}", file=sys.stderr)
        return 1
    device = provenance.device()
    print(f"{arguments.model}, {arguments.size}, whole, on {device}\n")
    print(summary(contestants, seconds).for_terminal())
    if arguments.json:
        facts = {"model": arguments.model, "size": str(arguments.size), "device": device}
        date = provenance.today()
        write_json(arguments.json, {"date": date, **facts, "seconds": seconds})
    return 0


def summary(contestants: list[Contestant], seconds: dict[str, list[float]]) -> Table:
    """Medians, and how many times as fast as the reference of the same group each one is."""
    median = {name: statistics.median(values) for name, values in seconds.items()}
    reference = {one.group: median[one.name] for one in contestants if one.reference}
    rows = [
        [
            one.group,
            one.name,
            f"{median[one.name]:.3f}",
            f"{min(seconds[one.name]):.3f} to {max(seconds[one.name]):.3f}",
            f"{reference[one.group] / median[one.name]:.2f}",
        ]
        for one in contestants
    ]
    return Table(["", "", "median s", "range", "times as fast"], rows, left=2)


def _contestants(arguments: argparse.Namespace, stack: ExitStack) -> list[Contestant]:
    spec = get_spec(arguments.model)
    source = Source(spec, best_checkpoint(spec))
    picture = draw_scene(0, arguments.size.height, arguments.size.width).image
    repository = arguments.repository / "optimised"
    kind: Kind = "whole" if arguments.size == spec.whole else "dynamic"
    for target in (Target("onnx", "float32"), Target("openvino", "int8")):
        for each in dict.fromkeys(("dynamic", kind)):
            ready_graph(source, each, target, repository, optimised=True)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    export = folder / "export.onnx"
    onnx.save(source.traced_graph(kind), export)  # its sizes computed, as the exporter has them
    free, fixed, runtime = openvino_run(export), OpenVinoGraph(export), OnnxRuntimeGraph(export)
    images = picture[None]
    contestants = [
        Contestant("OpenVINO, unmodified export", "engine", lambda: free(images), True),
        Contestant("the same, N fixed at 1", "engine", lambda: fixed.run(images, "logits")),
        Contestant(
            "ONNX Runtime, unmodified export", "engine", lambda: runtime.run(images, "logits")
        ),
    ]
    loop = stack.enter_context(asyncio.Runner())
    for precision in get_args(ServedPrecision):
        engine = open_engine(spec, _chosen(repository, spec, precision, kind))
        stack.callback(_close, loop, engine)
        run = partial(_infer, loop, engine, images)
        contestants.append(Contestant(f"ours, {precision}", "engine", run))
    contestants += _eager(source, images)
    sent = quick_png(picture)
    for precision in get_args(ServedPrecision):
        flags = ["--models", spec.name, "--repository", str(repository)]
        if precision == "fast":
            flags += ["--fast", spec.name]
        log = folder / f"{precision}.log"
        gateway = stack.enter_context(running_gateway(log, *flags, timeout=600))
        request = partial(_request, gateway, sent)
        contestants.append(Contestant(f"ours, {precision}, HTTP", "request", request))
    return contestants


def _chosen(
    repository: Path, spec: ModelSpec, precision: ServedPrecision, kind: Kind
) -> list[Artefact]:
    """What the run needs: the engine is not to hold more of a large model than that."""
    graphs = find_graphs(repository, spec, precision)
    return [graph for graph in graphs if graph.manifest.kind in ("dynamic", kind)]


def _infer(loop: asyncio.Runner, engine: Engine, images: Images) -> None:
    loop.run(engine.infer(images, "logits"))


def _close(loop: asyncio.Runner, engine: Engine) -> None:
    loop.run(engine.close())


def _request(gateway: GatewayProcess, data: bytes) -> None:
    answer = gateway.client.post("/segment", params={"mode": "whole"}, content=data)
    answer.raise_for_status()


def _eager(source: Source, images: Images) -> list[Contestant]:
    """The PyTorch module, upsampling and argmax included."""
    first, last = torch.contiguous_format, torch.channels_last
    return [
        Contestant("PyTorch, channels first", "request", _eager_run(source, images, first), True),
        Contestant("PyTorch, channels last", "request", _eager_run(source, images, last)),
    ]


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
