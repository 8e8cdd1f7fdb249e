"""Where the time of a request goes, and what windows cost beside the engine.

Requests of a scene go to a gateway, `whole` and `slide` in turns, and as many single windows as
`slide` needs go to an engine of this process. Printed: the median of each stage of `Server-Timing`,
the share outside of stage `engine`, how far the stages' sum is from what the client saw, and
`slide` over its windows alone.

    python benchmarks/stages.py                       the demo, 1024x2048
    python benchmarks/stages.py --precision fast --json stages.json
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.lib import provenance
from benchmarks.lib.arguments import (
    add_built_graphs,
    add_json,
    add_model,
    add_served_precision,
    add_size,
    add_turns,
    make_parser,
)
from benchmarks.lib.gateway import GatewayProcess, running_gateway, server_timing
from benchmarks.lib.json_files import write_json
from benchmarks.lib.scene_files import quick_png
from benchmarks.lib.table import Table
from benchmarks.speed.graph_runtimes import best_checkpoint, ready_graph
from export.artefacts.targets import Target, kinds_of
from export.graphs.source import Source
from ocrnet.artefacts import ServedPrecision, find_graphs
from ocrnet.engines import Engine, open_engine
from ocrnet.engines.contract import Images
from ocrnet.errors import OcrnetError
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.scenes import draw_scene
from ocrnet.zoo import ModelSpec, get_spec

_MODES = ("whole", "slide")


def main() -> int:
    """Command line."""
    parser = make_parser("stages.py", __doc__)
    add_model(parser)
    add_served_precision(parser)
    add_size(parser)
    add_turns(parser)
    add_built_graphs(parser, "runs/fps/optimised")
    add_json(parser)
    arguments = parser.parse_args()
    spec = get_spec(arguments.model)
    try:
        prepare(spec, arguments.precision, arguments.repository)
        requests, windows, alone = _measure(spec, arguments)
    except OcrnetError as error:
        print(f"stages.py: {error}", file=sys.stderr)
        return 1
    device = provenance.device()
    print(f"{spec.name}, {arguments.precision}, {arguments.size}, on {device}\n")
    print(table(requests).for_terminal())
    slide = statistics.median(one["client"] for one in requests["slide"])
    ratio = slide / (1000 * statistics.median(alone))
    print(f"\nslide, as the client saw it, takes {ratio:.3f} times its {windows} windows alone")
    if arguments.json:
        date = provenance.today()
        facts = {"date": date, "device": device, "model": spec.name, "size": str(arguments.size)}
        facts["precision"] = arguments.precision
        write_json(
            arguments.json,
            {**facts, "windows": windows, "milliseconds": requests, "alone_seconds": alone},
        )
    return 0


def table(requests: dict[str, list[dict[str, float]]]) -> Table:
    """A row a mode: medians in ms of what takes more than a tenth of one, and the two shares."""
    medians = {
        mode: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for mode, found in requests.items()
    }
    stages = [name for name in next(iter(medians.values())) if name not in ("total", "client")]
    stages = [name for name in stages if any(row[name] >= 0.1 for row in medians.values())]
    rows = []
    for mode, found in requests.items():
        outside = statistics.median(1 - one["engine"] / one["client"] for one in found)
        missing = statistics.median(abs(unaccounted(one)) for one in found)
        rows.append(
            [
                mode,
                *(f"{medians[mode][name]:.1f}" for name in stages),
                f"{medians[mode]['client']:.0f}",
                f"{outside:.1%}",
                f"{missing:.1%}",
            ]
        )
    return Table(["", *stages, "client saw", "outside engine", "unaccounted"], rows)


def unaccounted(request: dict[str, float]) -> float:
    """What the stages' sum leaves of the client's time, as a share of it."""
    stages = sum(value for name, value in request.items() if name not in ("total", "client"))
    return 1 - stages / request["client"]


def prepare(spec: ModelSpec, precision: ServedPrecision, repository: Path) -> None:
    """Build all graphs of a precision that are missing; raises ArtefactError."""
    target = Target("onnx", "float32") if precision == "exact" else Target("openvino", "int8")
    source = Source(spec, best_checkpoint(spec))
    for kind in kinds_of(spec):
        ready_graph(source, kind, target, repository, optimised=True)


def _measure(
    spec: ModelSpec, arguments: argparse.Namespace
) -> tuple[dict[str, list[dict[str, float]]], int, list[float]]:
    scene = draw_scene(0, arguments.size.height, arguments.size.width).image
    sent = quick_png(scene)
    plan = plan_request(arguments.size, spec, SegmentOptions())
    cuts = [window.cut(scene)[None] for view in plan for window in view.windows]
    flags = ["--models", spec.name, "--repository", str(arguments.repository)]
    if arguments.precision == "fast":
        flags += ["--fast", spec.name]
    requests: dict[str, list[dict[str, float]]] = {mode: [] for mode in _MODES}
    alone: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log", *flags, timeout=600) as gateway,
        asyncio.Runner() as loop,
    ):
        graphs = find_graphs(arguments.repository, spec, arguments.precision)
        engine = open_engine(spec, graphs)
        for turn in tqdm(range(arguments.turns + 1), unit="turn"):
            found = {mode: _request(gateway, sent, mode) for mode in _MODES}
            seconds = loop.run(_one_by_one(engine, cuts))
            if turn:
                alone.append(seconds)
                for mode, one in found.items():
                    requests[mode].append(one)
        loop.run(engine.close())
    return requests, len(cuts), alone


def _request(gateway: GatewayProcess, data: bytes, mode: str) -> dict[str, float]:
    """Milliseconds of each stage, `total` of the gateway, and `client` as it saw it."""
    started = time.perf_counter()
    answer = gateway.client.post("/segment", params={"mode": mode}, content=data)
    seen = time.perf_counter() - started
    answer.raise_for_status()
    return server_timing(answer) | {"client": 1000 * seen}


async def _one_by_one(engine: Engine, cuts: list[Images]) -> float:
    started = time.perf_counter()
    for cut in cuts:
        await engine.infer(np.ascontiguousarray(cut), "logits")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
