"""How soon a gateway uses a Triton again that was killed and started anew.

Counted from the moment at which Triton itself says that it is ready, to the first mask.

    ocrnet triton --install-only
    python benchmarks/triton_restart.py --kills 10
"""

import statistics
import sys
import tempfile
import threading
import time
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from ocrnet.scenes import draw_scene
from server.local_triton import LocalTriton, install_environment

_REPOSITORY = Path("model_repository")


def main() -> int:
    """Command line; 1 if it takes longer than the bar once, or a mask differs."""
    parser = make_parser("triton_restart.py", __doc__)
    parser.add_argument("--kills", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--bar", type=float, default=2.0, help="seconds, worst (default: 2)")
    arguments = parser.parse_args()
    file = BytesIO()
    Image.fromarray(draw_scene(0, 64, 64).image).save(file, "PNG")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalTriton(install_environment(), _REPOSITORY, ["demo"]) as triton,
        running_gateway(Path(folder) / "log", "--triton", triton.addresses.grpc) as gateway,
    ):
        answer = gateway.client.post("/segment", content=file.getvalue())
        answer.raise_for_status()
        seconds, same = [], True
        for _ in range(arguments.kills):
            triton.kill()
            waited, mask = _restart(triton, gateway, file.getvalue())
            seconds.append(waited)
            same = same and mask == answer.content
    print(
        f"used again {statistics.median(seconds):.2f} s after it was ready (median of "
        f"{len(seconds)}), worst {max(seconds):.2f} s"
    )
    print(f"the masks are {'' if same else 'NOT '}those from before")
    return 0 if same and max(seconds) <= arguments.bar else 1


def _restart(triton: LocalTriton, gateway: GatewayProcess, picture: bytes) -> tuple[float, bytes]:
    """Seconds from readiness to the first mask, and the mask; a client asks all the while."""
    mask, arrived = b"", 0.0

    def ask() -> None:
        nonlocal mask, arrived
        while True:
            answer = gateway.client.post("/segment", content=picture)
            if answer.status_code == 200:
                mask, arrived = answer.content, time.monotonic()
                return
            if answer.status_code != 503:
                answer.raise_for_status()
            time.sleep(0.02)

    client = threading.Thread(target=ask)
    client.start()
    time.sleep(1.5)  # so that the gateway has tried, and failed, and waits between its tries
    triton.start()
    ready = time.monotonic()
    client.join()
    return max(0.0, arrived - ready), mask


if __name__ == "__main__":
    sys.exit(main())
