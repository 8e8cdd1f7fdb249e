"""What constant sizes save in fixed graphs: nodes, seconds, TensorRT's layers; and the logits.

    python benchmarks/fixed_graphs.py
    python benchmarks/fixed_graphs.py --models demo --kinds window --json mine.json --page mine.md

Before: graphs as the exporter traces them, with their sizes computed. After: as they are built,
with constants. Each model has a plain graph and, where it pays, one rewritten for CPUs, of each
fixed size. ONNX Runtime and OpenVINO run both graphs in turns as the engines in process do, one
image at a time: medians. TensorRT-RTX builds the plain graph in float16 for batches of up to 8,
ahead of time, without a GPU. What is done is in the JSON file: an interrupted run goes on there. At
the end the tables are written into the page, between its two markers.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnx
from torch import nn

from benchmarks.lib import provenance
from benchmarks.lib.arguments import add_turns, make_parser
from benchmarks.lib.fixed_graphs_page import COMMAND, write_page
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.json_files import read_json
from benchmarks.lib.pages import around_table
from benchmarks.lib.resume import Facts, run_missing
from benchmarks.speed.graph_runtimes import best_checkpoint
from export.artefacts.targets import kinds_of
from export.graphs.fp16 import to_fp16
from export.graphs.onnx_export import export_graph, fixed_size, trace_graph
from export.graphs.source import Source
from export.optimise.optimised_network import OptimisedNetwork
from export.tensorrt.api import load_tensorrt
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import shape_range
from ocrnet.artefacts import Kind
from ocrnet.engines.contract import Images
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.errors import ArtefactError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec

_DOCS = Path(__file__).parents[1] / "docs"
# One of each backbone.
MODELS = [
    "ocrnet_hr18s_cityscapes_40k",
    "ocrnet_hr18_cityscapes_40k",
    "ocrnet_hr48_cityscapes_40k",
    "ocrnet_r101-d8_cityscapes_40k_b8",
]
ENGINES: dict[str, Callable[[Path], LoadedGraph]] = {
    "ONNX Runtime": OnnxRuntimeGraph,
    "OpenVINO": OpenVinoGraph,
}
_MAX_BATCH = 8


What = Literal["plan", "logits", "seconds"]


@dataclass(frozen=True)
class Case:
    """One measurement of a fixed graph: `plain` or `optimised`, before and after."""

    what: What
    model: str
    kind: Kind
    graph: str

    def __str__(self) -> str:
        return f"{self.what} of {self.model} {self.kind} {self.graph}"


def main() -> int:
    """Command line; 1 if a plan was not built."""
    parser = make_parser("fixed_graphs.py", __doc__)
    add = parser.add_argument
    add("--models", nargs="+", default=MODELS, metavar="NAME", help="default: one of each backbone")
    add("--kinds", nargs="+", choices=("window", "whole"), default=("window", "whole"))
    add_turns(parser)
    add("--json", type=Path, default=_DOCS / "data" / "fixed-graphs.json", metavar="FILE")
    add("--page", type=Path, default=_DOCS / "fixed-graphs.md", metavar="FILE")
    add("--note", default="", help="what else the machine was doing; stands on the page")
    arguments = parser.parse_args()
    around_table(arguments.page, COMMAND)  # a mistake is not to be found after an hour
    source: Source | None = None

    def measure(case: Case) -> Facts:
        nonlocal source
        if source is None or source.spec.name != case.model:  # one network at a time
            spec = get_spec(case.model)
            source = Source(spec, best_checkpoint(spec))
        size = fixed_size(source.spec, case.kind)
        assert size is not None
        if case.what == "plan":
            return _plans(source, size)
        network = _network(source, case.graph, size)
        if case.what == "logits":
            return _logits(network, size)
        return {"seconds": _seconds(network, size, arguments.turns)}

    header = {
        "date": provenance.today(),
        "note": arguments.note,
        "machine": provenance.device(),
        "settings": {"turns": arguments.turns},
        "versions": provenance.versions_of(
            ("torch", "onnx", "onnxruntime", "openvino", "tensorrt-rtx-cu12")
        ),
    }
    todo = _cases(arguments.models, arguments.kinds)
    results = run_missing(arguments.json, header, todo, measure, _say)
    write_page(arguments.page, read_json(arguments.json))
    return 1 if any("error" in result for result in results) else 0


def _cases(models: list[str], kinds: list[Kind]) -> list[Case]:
    """What takes long comes last."""
    cases = []
    for what in get_args(What):
        for kind in kinds:
            for name in models:
                spec = get_spec(name)
                graphs = ["plain"]
                if what != "plan" and Source(spec, "").passes("float32").names():
                    graphs.append("optimised")
                if kind in kinds_of(spec):
                    cases += [Case(what, name, kind, graph) for graph in graphs]
    return cases


def _network(source: Source, graph: str, size: Size) -> nn.Module:
    if graph == "plain":
        return source.network
    return OptimisedNetwork(source.network, size, source.passes("float32")).eval()


@contextmanager
def _graphs(network: nn.Module, size: Size) -> Iterator[dict[str, Path]]:
    """Export both graphs; yield their files."""
    with tempfile.TemporaryDirectory() as folder:
        files = {when: Path(folder) / f"{when}.onnx" for when in ("before", "after")}
        onnx.save(trace_graph(network, size), files["before"])
        onnx.save(export_graph(network, size), files["after"])
        yield files


def _image(size: Size) -> Images:
    return draw_scene(0, size.height, size.width).image[None]


def _logits(network: nn.Module, size: Size) -> Facts:
    """Return nodes of both graphs, and how far logits are apart by each engine.

    The difference is the largest over the largest logit.
    """
    difference = {}
    with _graphs(network, size) as files:
        nodes = {when: len(onnx.load(file).graph.node) for when, file in files.items()}
        for engine, load in ENGINES.items():
            before, after = (
                np.asarray(load(file).run(_image(size), "logits"), np.float32)
                for file in files.values()
            )
            difference[engine] = float(np.abs(after - before).max() / np.abs(before).max())
    return {"nodes": nodes, "difference": difference}


def _seconds(network: nn.Module, size: Size, turns: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of all turns by engine, before and after."""
    with _graphs(network, size) as files:
        return {
            engine: in_turns(
                _runs({when: load(file) for when, file in files.items()}, _image(size)), turns
            )
            for engine, load in ENGINES.items()
        }


def _runs(graphs: dict[str, LoadedGraph], images: Images) -> dict[str, Run]:
    def run(graph: LoadedGraph) -> Run:
        return lambda: graph.run(images, "logits")

    return {when: run(graph) for when, graph in graphs.items()}


def _plans(source: Source, size: Size) -> Facts:
    """Return layers and seconds of both plans, or `error` with what TensorRT-RTX said."""
    shapes = shape_range(source.spec, size, max_batch=_MAX_BATCH, max_size=size)
    facts: Facts = {}
    traced, constant = trace_graph(source.network, size), export_graph(source.network, size)
    for when, model in (("before", traced), ("after", constant)):
        try:
            trt = load_tensorrt("tensorrt_rtx")
            plan = build_plan(trt, to_fp16(model), shapes, BuildOptions())
        except ArtefactError as error:
            return {"error": str(error)}
        facts[when] = {
            "layers": plan.layers,
            "parse_seconds": round(plan.parse_seconds, 2),
            "build_seconds": round(plan.build_seconds, 2),
            "mib": round(len(plan.data) / 2**20, 1),
        }
    return {"plans": facts}


def _say(result: Facts) -> str:
    if "plans" in result:
        before, after = result["plans"]["before"], result["plans"]["after"]
        return f"{before['layers']} → {after['layers']} layers"
    if "nodes" in result:
        return f"{result['nodes']['before']} → {result['nodes']['after']} nodes"
    return "measured"


if __name__ == "__main__":
    sys.exit(main())
