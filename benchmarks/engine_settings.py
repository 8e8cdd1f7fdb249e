"""What threads, streams, pinning and several windows per call do to an engine's speed; its start.

Each setting labels the same windows, all settings in turns: milliseconds a window, medians, and how
many times as fast as the engine's default. Then the time to open the graph, without a cache, with
an empty one and with one that another start has filled.

    python benchmarks/engine_settings.py                    the demo's window graph, four windows
    python benchmarks/engine_settings.py --precision fast --kind whole
"""

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.lib import provenance
from benchmarks.lib.arguments import (
    add_built_graphs,
    add_json,
    add_model,
    add_served_precision,
    add_turns,
    make_parser,
)
from benchmarks.lib.bare_runtimes import openvino_run
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.json_files import write_json
from benchmarks.lib.table import Table
from benchmarks.speed.graph_runtimes import best_checkpoint, ready_graph
from export.artefacts.targets import Target
from export.graphs.source import Source
from ocrnet.artefacts import Kind, Precision, ServedPrecision, find_graphs
from ocrnet.commands.arguments import positive
from ocrnet.engines.contract import Images
from ocrnet.engines.engine_options import EngineOptions
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph, float_type
from ocrnet.scenes import draw_scene
from ocrnet.zoo import ModelSpec, get_spec


def main() -> int:
    """Command line."""
    parser = make_parser("engine_settings.py", __doc__)
    add = parser.add_argument
    add_model(parser)
    add_served_precision(parser)
    add("--kind", choices=("window", "whole"), default="window", help="of graph (default: window)")
    add("--windows", type=positive, default=4, help="in one turn, a multiple of 4 (default: 4)")
    add_turns(parser)
    add_built_graphs(parser, "runs/fps/optimised")
    add_json(parser)
    arguments = parser.parse_args()
    if arguments.windows % 4:
        parser.error(
            f"--windows is {arguments.windows}: a multiple of 4, which calls of 2 and 4 divide"
        )
    spec = get_spec(arguments.model)
    size = spec.crop if arguments.kind == "window" else spec.whole
    if size is None:
        parser.error(f"{spec.name} has no whole graph: --kind window, the default")
    path = _fixed_graph(spec, arguments.kind, arguments.precision, arguments.repository)
    images = np.stack(
        [draw_scene(seed, size.height, size.width).image for seed in range(arguments.windows)]
    )
    precision: Precision = "float32" if arguments.precision == "exact" else "int8"
    runtimes = {"OpenVINO": _openvino_runs(path, images, precision)}
    if arguments.precision == "exact":
        runtimes["ONNX Runtime"] = _onnxruntime_runs(path, images)
    seconds = {name: in_turns(runs, arguments.turns) for name, runs in runtimes.items()}
    starts = _starts(path, precision, arguments.turns)
    device = provenance.device()
    print(
        f"{arguments.model}, {arguments.precision}, {arguments.kind} graph of {size}, on {device}\n"
    )
    for name, of_settings in seconds.items():
        print(f"{table(name, of_settings, arguments.windows).for_terminal()}\n")
    print(_starts_table(starts).for_terminal())
    if arguments.json:
        date = provenance.today()
        facts = {"date": date, "device": device, "model": spec.name, "kind": arguments.kind}
        facts |= {"precision": arguments.precision, "windows": arguments.windows}
        write_json(arguments.json, {**facts, "seconds": seconds, "starts": starts})
    return 0


def table(engine: str, seconds: dict[str, list[float]], windows: int) -> Table:
    """A row a setting; the first one is what others are set against."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    default = next(iter(medians.values()))
    rows = [
        [name, f"{1000 * median / windows:.0f}", f"{default / median:.2f}"]
        for name, median in medians.items()
    ]
    return Table([engine, "ms a window", "×"], rows)


def _starts_table(starts: dict[str, list[float]]) -> Table:
    rows = [[name, f"{statistics.median(values):.2f}"] for name, values in starts.items()]
    return Table(["OpenVINO opens the graph", "s"], rows)


def _fixed_graph(spec: ModelSpec, kind: Kind, precision: ServedPrecision, repository: Path) -> Path:
    target = Target("onnx", "float32") if precision == "exact" else Target("openvino", "int8")
    source = Source(spec, best_checkpoint(spec))
    ready_graph(source, kind, target, repository, optimised=True)
    graphs = find_graphs(repository, spec, precision)
    return next(graph.path for graph in graphs if graph.manifest.kind == kind)


def _openvino_runs(path: Path, images: Images, precision: Precision) -> dict[str, Run]:
    settings = {
        "default": EngineOptions(),
        "one thread": EngineOptions(threads=1),
        "pinned": EngineOptions(pin=True),
        "not pinned": EngineOptions(pin=False),
        "2 streams": EngineOptions(streams=2),
    }
    runs = {
        name: _one_by_one(
            OpenVinoGraph(path, options, precision=precision), images, options.streams
        )
        for name, options in settings.items()
    }
    if precision != "int8":  # such a graph is of one picture
        for n in (2, 4):
            runs[f"{n} windows a call"] = _openvino_batch(path, images, n)
    if float_type(precision) != "f32":
        graph = OpenVinoGraph(path)  # opened as if it were exact
        runs["float32 between layers of 8 bits"] = _one_by_one(graph, images, 1)
    return runs


def _openvino_batch(path: Path, images: Images, number: int) -> Run:
    """As the engine does not run it: compiled for so many windows."""
    compiled = openvino_run(path, batch=number)
    calls = [images[first : first + number] for first in range(0, len(images), number)]
    return lambda: [compiled(call) for call in calls]


def _onnxruntime_runs(path: Path, images: Images) -> dict[str, Run]:
    graph = OnnxRuntimeGraph(path)
    runs = {
        "default": _one_by_one(graph, images, 1),
        "one thread": _one_by_one(OnnxRuntimeGraph(path, EngineOptions(threads=1)), images, 1),
        "2 streams": _one_by_one(OnnxRuntimeGraph(path), images, 2),
    }
    for number in (2, 4):
        calls = [images[first : first + number] for first in range(0, len(images), number)]
        runs[f"{number} windows a call"] = _calls(graph, calls)
    return runs


def _calls(graph: LoadedGraph, calls: list[Images]) -> Run:
    return lambda: [graph.run(call, "logits") for call in calls]


def _one_by_one(graph: LoadedGraph, images: Images, streams: int) -> Run:
    workers = ThreadPoolExecutor(streams)
    return lambda: list(workers.map(lambda image: graph.run(image[None], "logits"), images))


def _starts(path: Path, precision: Precision, turns: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {"without a cache": [], "cache empty": [], "cache filled": []}
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as folder:
            for name in seconds:
                options = EngineOptions(cache=None if "without" in name else Path(folder))
                started = time.perf_counter()
                OpenVinoGraph(path, options, precision=precision)
                seconds[name].append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
