"""How soon a fifth client is refused while four are in work, and what the four get.

python benchmarks/overload.py --refusals 100
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2

from benchmarks.gateway import GatewayProcess, running_gateway
from ocrnet.scenes import draw_scene

_PLACES = 4


def main() -> int:
    """Command line; 1 if a refusal is not 503 or a mask differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--refusals", type=int, default=100, help="how many (default: 100)")
    arguments = parser.parse_args()
    scene = draw_scene(0, 512, 1024).image
    data = cv2.imencode(".png", cv2.cvtColor(scene, cv2.COLOR_RGB2BGR))[1].tobytes()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log", "--max-requests", str(_PLACES)) as gateway,
    ):
        alone = _post(gateway, data)
        together: list[bytes] = []

        def work() -> None:
            together.append(_post(gateway, data))

        threads = [threading.Thread(target=work) for _ in range(_PLACES)]
        for thread in threads:
            thread.start()
        while f'stage="in work"}} {_PLACES}.0' not in gateway.client.get("/metrics").text:
            time.sleep(0.005)
        seconds = []
        for _ in range(arguments.refusals):
            started = time.perf_counter()
            answer = gateway.client.post("/segment", content=data)
            if answer.status_code != 503:
                sys.exit("the four were done before the fifth was refused often enough")
            seconds.append(time.perf_counter() - started)
        for thread in threads:
            thread.join()
    milliseconds = sorted(1000 * value for value in seconds)
    print(
        f"refused in {statistics.median(milliseconds):.1f} ms (median of {len(milliseconds)}), "
        f"worst {milliseconds[-1]:.1f} ms, with {len(data) / 1e6:.1f} MB of picture sent each time"
    )
    same = all(mask == alone for mask in together)
    print(f"the {len(together)} masks made together are {'' if same else 'NOT '}the one made alone")
    return 0 if same else 1


def _post(gateway: GatewayProcess, data: bytes) -> bytes:
    query = {"scales": "0.5,0.75,1.0", "flip": "1"}
    answer = gateway.client.post("/segment", params=query, content=data)
    answer.raise_for_status()
    return answer.content


if __name__ == "__main__":
    sys.exit(main())
