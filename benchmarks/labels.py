"""What a request moves and computes in the gateway, by labels of the engine and by its logits.

Requests of one window, a scene of 1024x2048, by the float16 graph that gives labels, in ONNX
Runtime on this machine's CPU: in process and through a local Triton. Asking for logits, which the
gateway upsamples and compares itself, and asking for labels take turns. Printed are medians:

- bytes of the arrays between gateway and engine, which gRPC carries as they are;
- CPU time of the gateway's process from file to mask, in process without the engine's calls,
  through Triton all of it, gRPC included; and the time in the stage `argmax`;
- in process, CPU time of the engine. Calls for logits run the graph without what only labels need.

GPU time is not measured: CPUs compute float16 graphs in float32.

    ocrnet triton --install-only
    python benchmarks/labels.py                       the demo, 1024x2048
    python benchmarks/labels.py --turns 9 --json docs/data/labels.json
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from benchmarks.lib import provenance
from benchmarks.lib.arguments import (
    add_built_graphs,
    add_json,
    add_model,
    add_turns,
    make_parser,
)
from benchmarks.lib.json_files import write_json
from benchmarks.lib.scene_files import quick_png
from benchmarks.lib.table import Table, number
from benchmarks.speed.graph_runtimes import best_checkpoint, ready_graph
from export.artefacts.targets import Target
from export.graphs.source import Source
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.artefacts import Kind, find_graphs
from ocrnet.artefacts.repository import check_artefact
from ocrnet.engines import Engine, EngineOptions, open_engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.errors import OcrnetError
from ocrnet.formats import AnswerOptions
from ocrnet.images import ImageLimits, inspect_image
from ocrnet.inference.options import SegmentOptions
from ocrnet.pipeline import make_job, run_job
from ocrnet.scenes import draw_scene
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec, Size, get_spec
from server.local_triton import LocalTriton, install_environment

_NO_LIMITS = ImageLimits(max_bytes=2**31 - 1, max_pixels=2**30, max_side=65_500)
_WAYS: tuple[OutputName, ...] = ("logits", "labels")
_CONFIG = "onnx"  # of the float16 graphs


@dataclass(frozen=True)
class Request:
    """Bytes to and from the engine; seconds of the gateway's CPU, of the stage argmax, from file to
    mask, and of the engine's CPU where it is in this process.
    """

    moved: int
    cpu: float
    argmax: float
    seconds: float
    engine_cpu: float | None = None


class _Watched:
    """An engine, what its calls moved, and the CPU seconds that passed in them.

    gives_labels: whether it says that it does.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self.gives_labels = True
        self.moved = 0
        self.cpu = 0.0

    def outputs(self, size: Size) -> frozenset[str]:
        offered = self._engine.outputs(size)
        return offered if self.gives_labels else offered - {"labels"}

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        before = time.process_time()
        result = await self._engine.infer(images, output)
        self.cpu += time.process_time() - before
        self.moved += images.nbytes + result.nbytes
        return result

    async def close(self) -> None:
        await self._engine.close()


def main() -> int:
    """Command line; 1 if masks differ in more than a pixel of ten thousand."""
    parser = make_parser("labels.py", __doc__)
    add_model(parser)
    add_turns(parser)
    add_built_graphs(parser, "runs/labels")
    add_json(parser)
    arguments = parser.parse_args()
    try:
        spec = get_spec(arguments.model)
        requests, equal = _measure(spec, arguments)
    except OcrnetError as error:
        print(f"labels.py: {error}", file=sys.stderr)
        return 1
    print(f"{spec.name}, {spec.whole}, on {provenance.device()}\n")
    print(table(requests).for_terminal())
    for place, share in equal.items():
        print(f"{place}: {share:.4%} of the mask's pixels are equal")
    if arguments.json:
        facts = {"date": provenance.today(), "device": provenance.device(), "model": spec.name}
        facts["size"] = str(spec.whole)
        samples = {
            place: {way: [asdict(one) for one in found] for way, found in ways.items()}
            for place, ways in requests.items()
        }
        write_json(arguments.json, {**facts, "requests": samples, "equal": equal})
    return 0 if min(equal.values()) >= 0.9999 else 1


def table(requests: dict[str, dict[str, list[Request]]]) -> Table:
    """A row for each engine and each output: medians."""
    rows = []
    for place, ways in requests.items():
        for way, found in ways.items():
            moved, cpu, argmax = (
                statistics.median(getattr(one, name) for one in found)
                for name in ("moved", "cpu", "argmax")
            )
            figures = (f"{moved / 1e6:.1f}", f"{1000 * cpu:.0f}", f"{1000 * argmax:.0f}")
            known = [one.engine_cpu for one in found if one.engine_cpu is not None]
            engine = number(statistics.median(known) if known else None, ".2f")
            rows.append([place, way, *figures, engine])
    head = ["engine", "asked for", "MB moved", "CPU ms", "argmax ms", "engine CPU s"]
    return Table(head, rows, left=2)


def _measure(
    spec: ModelSpec, arguments: argparse.Namespace
) -> tuple[dict[str, dict[str, list[Request]]], dict[str, float]]:
    if spec.whole is None:
        raise OcrnetError(f"{spec.name} has no graph of whole images: take one of Cityscapes")
    _prepare(spec, arguments.repository)
    scene = quick_png(draw_scene(0, spec.whole.height, spec.whole.width).image)
    requests: dict[str, dict[str, list[Request]]] = {}
    equal = {}
    for place, opened in (("in process", _in_process), ("Triton", _on_triton)):
        with opened(spec, arguments.repository) as engine, asyncio.Runner() as loop:
            found: dict[str, list[Request]] = {way: [] for way in _WAYS}
            masks: dict[str, bytes] = {}
            for turn in tqdm(range(arguments.turns + 1), desc=place, unit="turn"):
                for way in _WAYS[:: 1 if turn % 2 else -1]:
                    engine.gives_labels = way == "labels"
                    one, masks[way] = _request(
                        loop, engine, spec, scene, over_wire=place == "Triton"
                    )
                    if turn:
                        found[way].append(one)
            requests[place] = found
            pixels = [np.asarray(Image.open(BytesIO(mask))) for mask in masks.values()]
            equal[place] = float(np.mean(pixels[0] == pixels[1]))
    return requests, equal


def _request(
    loop: asyncio.Runner, engine: _Watched, spec: ModelSpec, scene: bytes, *, over_wire: bool
) -> tuple[Request, bytes]:
    """Serve one request as the gateway does behind HTTP.

    over_wire: the engine is Triton, and what its calls take in this process is the gateway's own.
    """
    engine.moved, engine.cpu, timings = 0, 0.0, Timings()
    cpu, started = time.process_time(), time.perf_counter()
    header = inspect_image(scene, _NO_LIMITS)
    job = make_job(header, spec, SegmentOptions("whole"), AnswerOptions())
    mask = loop.run(run_job(job, engine, timings))
    cpu = time.process_time() - cpu
    seconds = time.perf_counter() - started
    inside = None if over_wire else engine.cpu
    argmax = timings.seconds.get("argmax", 0.0)
    return Request(engine.moved, cpu - (inside or 0.0), argmax, seconds, inside), mask


def _prepare(spec: ModelSpec, repository: Path) -> None:
    """Build the graphs that are missing, and write their configurations; raises ArtefactError."""
    source = Source(spec, best_checkpoint(spec))
    needed: tuple[tuple[Kind, Target], ...] = (
        ("dynamic", Target("onnx", "float32")),
        ("whole", Target("onnx", "float16")),
    )
    for kind, target in needed:
        ready_graph(source, kind, target, repository, optimised=False)
    write_configs(spec, repository, Serving())


@contextmanager
def _in_process(spec: ModelSpec, repository: Path) -> Iterator[_Watched]:
    whole = check_artefact(repository / f"{spec.name}_whole" / "1", "model_fp16.onnx", spec)
    graphs = [*find_graphs(repository, spec), whole]
    engine = open_engine(spec, graphs, EngineOptions("onnxruntime"))
    yield _Watched(engine)
    asyncio.run(engine.close())


@contextmanager
def _on_triton(spec: ModelSpec, repository: Path) -> Iterator[_Watched]:
    kinds: tuple[Kind, ...] = ("dynamic", "whole")
    environment = install_environment()
    triton = LocalTriton(environment, repository, [spec.name], kinds=kinds, config_name=_CONFIG)
    with triton:
        connection = TritonConnection(triton.addresses.grpc)
        yield _Watched(TritonEngine(connection, served_graphs(connection, spec)))


if __name__ == "__main__":
    sys.exit(main())
