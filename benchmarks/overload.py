"""How soon a fifth client is refused while four are in work, and what the four get.

The fifth sends a picture each time, over a connection of its own, and reads the answer then.

    python benchmarks/overload.py --refusals 100
"""

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.scene_files import scene_png

_PLACES = 4


def main() -> int:
    """Command line; 1 if refusals take longer than the bar or a mask differs."""
    parser = make_parser("overload.py", __doc__)
    parser.add_argument("--refusals", type=int, default=100, help="how many (default: 100)")
    parser.add_argument(
        "--bar", type=float, default=20.0, help="milliseconds, median (default: 20)"
    )
    arguments = parser.parse_args()
    data = scene_png(512, 1024)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log", "--max-requests", str(_PLACES)) as gateway,
        ThreadPoolExecutor(_PLACES) as pool,
    ):
        alone = _segment(gateway, data)
        together = [pool.submit(_segment, gateway, data) for _ in range(_PLACES)]
        while f'stage="in work"}} {_PLACES}.0' not in gateway.client.get("/metrics").text:
            if any(future.done() for future in together):
                sys.exit("a request ended before all four were in work: nothing was measured")
            time.sleep(0.005)
        milliseconds = sorted(_refusal(gateway, data) for _ in range(arguments.refusals))
        masks = [future.result() for future in together]
    median = statistics.median(milliseconds)
    print(
        f"refused in {median:.1f} ms (median of {len(milliseconds)}), worst "
        f"{milliseconds[-1]:.1f} ms, with {len(data) / 1e6:.1f} MB of picture sent each time"
    )
    same = all(mask == alone for mask in masks)
    print(f"the {len(masks)} masks made together are {'' if same else 'NOT '}the one made alone")
    return 0 if same and median <= arguments.bar else 1


def _segment(gateway: GatewayProcess, data: bytes) -> bytes:
    query = {"scales": "0.5,0.75,1.0", "flip": "1"}
    answer = gateway.client.post("/segment", params=query, content=data)
    answer.raise_for_status()
    return answer.content


def _refusal(gateway: GatewayProcess, data: bytes) -> float:
    """Milliseconds until a client of its own has read that there is no place."""
    started = time.perf_counter()
    headers = {"Connection": "close"}
    answer = gateway.client.post("/segment", content=data, headers=headers)
    if answer.status_code != 503:
        sys.exit("the four were done before the fifth was refused often enough")
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
