"""Memory of the gateway while it segments one very large picture in windows.

The picture is a drawn scene repeated, as JPEG. Peaks are the kernel's own (VmHWM), above the
process that has loaded its model and waits.

    python benchmarks/memory.py --side 4096
    python benchmarks/memory.py --side 16384          # half an hour on two cores
"""

import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.gateway import running_gateway
from ocrnet.scenes import draw_scene

_GB = 1e9


def _picture(side: int) -> bytes:
    scene = draw_scene(0, 1024, 2048).image
    tiled = np.tile(scene, (-(-side // 1024), -(-side // 2048), 1))[:side, :side]
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(tiled), 90, "RGB", "420")
    return data


def main() -> int:
    """Command line; 1 if the bar is missed."""
    parser = make_parser("memory.py", __doc__)
    parser.add_argument("--side", type=int, default=16384, help="pixels (default: 16384)")
    parser.add_argument("--format", default="png", help="of the answer (default: png)")
    parser.add_argument("--bar", type=float, default=2.0, help="GB above idle (default: 2)")
    arguments = parser.parse_args()
    data = _picture(arguments.side)
    limits = {
        "--max-bytes": 2**31, "--max-side": arguments.side, "--max-pixels": arguments.side**2,
        "--max-work": 10**12, "--max-windows": 10**6, "--max-request-time": 86_400,
        "--body-timeout": 600,
    }  # fmt: skip
    flags = [text for name, value in limits.items() for text in (name, str(value))]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log", *flags, timeout=86_400) as gateway,
    ):
        idle = gateway.resident_bytes()
        started = time.perf_counter()
        query = {"mode": "slide", "format": arguments.format}
        answer = gateway.client.post("/segment", params=query, content=data)
        seconds = time.perf_counter() - started
        peak = gateway.peak_bytes()
        if answer.is_error:
            sys.exit(f"the gateway answered {answer.status_code}: {answer.text}")
        if arguments.format == "png":
            Image.MAX_IMAGE_PIXELS = None
            assert Image.open(BytesIO(answer.content)).size == (arguments.side, arguments.side)
    above = (peak - idle) / _GB
    print(f"picture     {arguments.side} x {arguments.side}, {len(data) / 1e6:.0f} MB of JPEG")
    print(f"idle        {idle / _GB:.2f} GB")
    print(f"peak        {peak / _GB:.2f} GB: {above:.2f} GB above idle, in {seconds:.0f} s")
    print(answer.headers["server-timing"])
    return 0 if above <= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
