"""What each rewriting of the network saves: GMAC, and milliseconds of engines, in turns.

    python benchmarks/passes.py                                    the demo, 1024x2048
    python benchmarks/passes.py --models demo ocrnet_hr48_cityscapes_160k --json passes.json

Each pass is applied alone, then all of them, and all but one that some networks do not gain from.
An engine runs the plain graph and all others in turns, then the next engine does, since large
networks would not fit into memory together; --passes takes fewer. Figures are medians, and ratios
of medians. OpenVINO runs graphs with N fixed at 1, as the engine does; its figure on the unmodified
export, with a free N and sizes that are computed, is a row of its own: peers are compared with it.
"""

import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import onnx

from benchmarks.lib import provenance
from benchmarks.lib.arguments import add_json, add_size, add_turns, make_parser
from benchmarks.lib.bare_runtimes import openvino_run
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.json_files import write_json
from benchmarks.lib.table import NONE, Table
from benchmarks.speed.compute import gmac_of
from benchmarks.speed.graph_runtimes import best_checkpoint
from export import load_model
from export.graphs.onnx_export import export_graph, trace_graph
from export.optimise.optimised_network import OptimisedNetwork
from export.optimise.passes import NO_PASSES, Passes
from ocrnet.engines.contract import Images
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec

VARIANTS = {
    "plain": NO_PASSES,
    "split_bottleneck": replace(NO_PASSES, split_bottleneck=True),
    "split_auxiliary": replace(NO_PASSES, split_auxiliary=True),
    "token_head": replace(NO_PASSES, token_head=True),
    "token_head, associative": replace(NO_PASSES, token_head=True, associative=True),
    "all but split_auxiliary": Passes(split_auxiliary=False),
    "all": Passes(),
}
_FREE = "unmodified export, N free"


@dataclass(frozen=True)
class Savings:
    """What a model's variants need. gmac: by variant. seconds: of all turns, by engine, variant."""

    model: str
    gmac: dict[str, float]
    seconds: dict[str, dict[str, list[float]]]


def main() -> int:
    """Command line."""
    parser = make_parser("passes.py", __doc__)
    add = parser.add_argument
    add("--models", nargs="+", default=["demo"], metavar="NAME", help="default: demo")
    add_size(parser)
    add(
        "--passes", nargs="+", choices=list(VARIANTS)[1:], default=list(VARIANTS)[1:],
        help="beside plain (default: each, and all)",
    )  # fmt: skip
    add_turns(parser)
    add_json(parser)
    arguments = parser.parse_args()
    device = provenance.device()
    print(f"{arguments.size}, one picture, on {device}")
    results = []
    for name in arguments.models:
        result = _measure(name, arguments.size, arguments.turns, arguments.passes)
        results.append(result)
        print(f"\n{name}\n{table(result).for_terminal()}", flush=True)
        if arguments.json:
            date = provenance.today()
            facts = {"date": date, "device": device, "size": str(arguments.size)}
            write_json(arguments.json, {**facts, "results": [asdict(one) for one in results]})
    return 0


def table(result: Savings) -> Table:
    """A row a variant: GMAC, and of each engine the median and how many times as fast as plain."""
    engines = list(result.seconds)
    head = ["passes", "GMAC", *(cell for name in engines for cell in (f"{name} ms", "×"))]
    rows = []
    for variant, work in result.gmac.items():
        row = [variant, f"{work:.0f}"]
        for engine in engines:
            seconds = result.seconds[engine]
            if variant not in seconds:
                row += [NONE, NONE]
                continue
            median = statistics.median(seconds[variant])
            plain = statistics.median(seconds["plain"])
            row += [f"{1000 * median:.0f}", f"{plain / median:.2f}"]
        rows.append(row)
    return Table(head, rows)


def _measure(name: str, picture: Size, turns: int, wanted: list[str]) -> Savings:
    spec = get_spec(name)
    variants: dict[str, Passes] = {}
    work = {}
    images = draw_scene(0, picture.height, picture.width).image[None]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for key in ["plain", *wanted]:
            network = load_model(spec, best_checkpoint(spec))
            passes = VARIANTS[key].possible_for(spec.backbone)
            if passes in variants.values():  # a network without branches has nothing to split
                continue
            variants[key] = passes
            rewritten = OptimisedNetwork(network, picture, passes).eval()
            onnx.save(export_graph(rewritten, picture), folder / f"{key}.onnx")
            if key == "plain":
                onnx.save(trace_graph(rewritten, picture), folder / f"{_FREE}.onnx")
            work[key] = gmac_of(rewritten.to("meta"), picture)
        paths = {key: folder / f"{key}.onnx" for key in variants}
        seconds = {
            "OpenVINO": in_turns(_openvino_runs(folder, paths, images), turns),
            "ONNX Runtime": in_turns(_runtime_runs(paths, images), turns),
        }
    return Savings(name, {**work, _FREE: work["plain"]}, seconds)


def _openvino_runs(folder: Path, paths: dict[str, Path], images: Images) -> dict[str, Run]:
    runs = {key: _call(OpenVinoGraph(path), images) for key, path in paths.items()}
    free = openvino_run(folder / f"{_FREE}.onnx")
    return {**runs, _FREE: lambda: free(images)}


def _runtime_runs(paths: dict[str, Path], images: Images) -> dict[str, Run]:
    return {key: _call(OnnxRuntimeGraph(path), images) for key, path in paths.items()}


def _call(graph: LoadedGraph, images: Images) -> Run:
    return lambda: graph.run(images, "logits")


if __name__ == "__main__":
    sys.exit(main())
