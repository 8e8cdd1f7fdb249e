"""What `make serve` gives a newcomer: the first mask, and each one after it.

Three gateways of the checkout as git holds it: with the demo's dynamic graph alone, with all of its
graphs, and with `--fast demo`. Beside them, in this process, the fixed graph alone, with its
weights in float32: one window of 512x1024, and the nine of 1024x2048. All take turns. Requests are
JPEG files in mode `slide`, the default; timed by the client, from the file sent to the mask
received.

    python benchmarks/default_path.py
    python benchmarks/default_path.py --turns 9 --starts 5 --json docs/data/default-path.json

Cold: from starting the command to its first mask of 512x1024, with no compiled graph in the cache,
and again with it. Warm: each further request. Ratios are of medians of one run.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import simplejpeg

from benchmarks.lib import provenance
from benchmarks.lib.arguments import add_json, add_turns, make_parser
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.interleaved import in_turns
from benchmarks.lib.json_files import write_json
from benchmarks.lib.table import NONE, Table
from export.graphs.source import DEMO_WEIGHTS, Source
from ocrnet.commands.arguments import positive
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.errors import OcrnetError
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec

_SERVED = Path(__file__).parents[1] / "model_repository"
_SPEC = get_spec("demo")
_SIZES = (Size(512, 1024), Size(1024, 2048))
_BEFORE, _AFTER, _FAST, _ALONE = "dynamic graph alone", "make serve", "--fast demo", "engine alone"

Seconds = dict[str, list[float]]


def main() -> int:
    """Command line."""
    parser = make_parser("default_path.py", __doc__)
    add_turns(parser)
    parser.add_argument(
        "--starts", type=positive, default=3, help="of each gateway, cold and again (default: 3)"
    )
    add_json(parser)
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            starts, requests = _measure(Path(folder), arguments)
    except OcrnetError as error:
        print(f"default_path.py: {error}", file=sys.stderr)
        return 1
    device = provenance.device()
    print(f"demo, {device}\n\n{starts_table(starts).for_terminal()}\n")
    print(requests_table(requests).for_terminal())
    if arguments.json:
        facts = {"date": provenance.today(), "device": device}
        write_json(arguments.json, {**facts, "starts": starts, "requests": requests})
    return 0


def starts_table(starts: Seconds) -> Table:
    """Median seconds from starting the command to the first mask."""
    rows = [[name, f"{statistics.median(values):.2f}"] for name, values in starts.items()]
    return Table(["from the command to the first mask", "median s"], rows)


def requests_table(requests: dict[str, Seconds]) -> Table:
    """Median seconds of a request by size, against those before and against the engine alone."""
    rows = []
    for size, seconds in requests.items():
        median = {name: statistics.median(values) for name, values in seconds.items()}
        for name, value in median.items():
            against_engine = NONE if name == _FAST else f"{value / median[_ALONE]:.3f}"
            times = f"{median[_BEFORE] / value:.2f}"
            rows.append([size, name, f"{value:.3f}", times, against_engine])
    return Table(["", "", "median s", "times as fast", "× engine alone"], rows, left=2)


def _measure(folder: Path, arguments: argparse.Namespace) -> tuple[Seconds, dict[str, Seconds]]:
    before = folder / "before"
    shutil.copytree(_SERVED / "demo_dynamic", before / "demo_dynamic")
    flags = {
        _BEFORE: ["--repository", str(before)],
        _AFTER: ["--repository", str(_SERVED)],
        _FAST: ["--repository", str(_SERVED), "--fast", "demo"],
    }
    scenes = {size: draw_scene(0, size.height, size.width).image for size in _SIZES}
    sent = {size: simplejpeg.encode_jpeg(scene, quality=95) for size, scene in scenes.items()}
    starts: Seconds = {}
    for turn in range(arguments.starts):
        for name, given in flags.items():
            cache = folder / f"cache-{turn}-{name}"
            start = partial(_first_mask, folder / "log", [*given, "--cache", str(cache)], sent)
            starts.setdefault(f"{name}, cold", []).append(start())
            starts.setdefault(f"{name}, again", []).append(start())
    graph = folder / "fixed.onnx"
    onnx.save(Source(_SPEC, str(DEMO_WEIGHTS)).optimised_graph(_SPEC.crop, "float32"), graph)
    fixed = OpenVinoGraph(graph)
    requests = {}
    with ExitStack() as stack:
        gateways = {
            name: stack.enter_context(running_gateway(folder / f"{name}.log", *given))
            for name, given in flags.items()
        }
        for size in _SIZES:
            runs: dict[str, Callable[[], object]] = {
                name: partial(_request, gateway, sent[size]) for name, gateway in gateways.items()
            }
            plan = plan_request(size, _SPEC, SegmentOptions())
            cuts = [window.cut(scenes[size]) for view in plan for window in view.windows]
            runs[_ALONE] = partial(fixed.run, np.stack(cuts), "logits")
            requests[str(size)] = in_turns(runs, arguments.turns)
    return starts, requests


def _first_mask(log: Path, flags: list[str], sent: dict[Size, bytes]) -> float:
    started = time.perf_counter()
    with running_gateway(log, *flags) as gateway:
        _request(gateway, sent[_SIZES[0]])
        return time.perf_counter() - started


def _request(gateway: GatewayProcess, data: bytes) -> None:
    gateway.client.post("/segment", content=data).raise_for_status()


if __name__ == "__main__":
    sys.exit(main())
