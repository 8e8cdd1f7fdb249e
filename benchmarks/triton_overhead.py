"""What the way through Triton costs: the same graph, in ONNX Runtime, in process and behind Triton.

Two gateways and a local Triton, one request at a time, in turns. Both sides use the machine's
cores, and the same file of the repository. Bytes are those of the loopback interface, so
nothing else should talk over it meanwhile.

    ocrnet triton --install-only
    python benchmarks/triton_overhead.py --rounds 7
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.lib.arguments import add_served_graphs, add_size, make_parser
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.scene_files import quick_png
from ocrnet.scenes import draw_scene
from server.local_triton import LocalTriton, install_environment

_QUERIES = {"slide": {"mode": "slide"}, "whole": {"mode": "whole"}}


@dataclass
class Side:
    """Requests of one kind through one gateway: seconds and bytes of each, and its mask."""

    seconds: list[float] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    mask: bytes = b""


def main() -> int:
    """Command line; 1 if Triton costs more than the bar or a mask differs."""
    parser = make_parser("triton_overhead.py", __doc__)
    parser.add_argument("--model", default="demo")
    add_served_graphs(parser)
    add_size(parser, "HEIGHTxWIDTH (default: 1024x2048)")
    parser.add_argument("--rounds", type=int, default=7, help="after one of warm-up (default: 7)")
    parser.add_argument("--bar", type=float, default=1.05, help="largest ratio (default: 1.05)")
    arguments = parser.parse_args()
    size = arguments.size
    picture = quick_png(draw_scene(0, size.height, size.width).image)
    with _gateways(arguments.model, arguments.repository) as gateways:
        good = [
            _compare(gateways, mode, picture, arguments.rounds, arguments.bar) for mode in _QUERIES
        ]
    return 0 if all(good) else 1


@contextmanager
def _gateways(model: str, repository: Path) -> Iterator[dict[str, GatewayProcess]]:
    flags = ["--models", model, "--repository", str(repository)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        triton = stack.enter_context(LocalTriton(install_environment(), repository, [model]))
        yield {
            "in process": stack.enter_context(
                running_gateway(folder / "here.log", *flags, "--runtime", "onnxruntime")
            ),
            "Triton": stack.enter_context(
                running_gateway(folder / "triton.log", *flags, "--triton", triton.addresses.grpc)
            ),
        }


def _compare(
    gateways: dict[str, GatewayProcess], mode: str, picture: bytes, rounds: int, bar: float
) -> bool:
    sides = {name: Side() for name in gateways}
    for turn in range(rounds + 1):
        # Each goes first as often as the other.
        for name, gateway in list(gateways.items())[:: 1 if turn % 2 else -1]:
            before, started = _loopback_bytes(), time.perf_counter()
            answer = gateway.client.post("/segment", params=_QUERIES[mode], content=picture)
            seconds = time.perf_counter() - started
            answer.raise_for_status()
            if turn:
                sides[name].seconds.append(seconds)
                sides[name].moved.append(_loopback_bytes() - before)
            sides[name].mask = answer.content
    here, triton = sides["in process"], sides["Triton"]
    ratio = statistics.median(triton.seconds) / statistics.median(here.seconds)
    for name, side in sides.items():
        print(
            f"{mode}  {name:10}  median {statistics.median(side.seconds):6.3f} s of {rounds} "
            f"({min(side.seconds):.3f} to {max(side.seconds):.3f}), "
            f"{statistics.median(side.moved) / 1e6:6.1f} MB moved a request"
        )
    pixels = [np.asarray(Image.open(BytesIO(side.mask))) for side in (here, triton)]
    equal = float((pixels[0] == pixels[1]).mean())
    print(f"{mode}  through Triton {ratio:.3f} times the time; {equal:.4%} of labels equal")
    return ratio <= bar and equal >= 0.9999


def _loopback_bytes() -> int:
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    (loopback,) = (line.split(":")[1] for line in lines if line.strip().startswith("lo:"))
    return int(loopback.split()[0])


if __name__ == "__main__":
    sys.exit(main())
