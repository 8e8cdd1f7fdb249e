"""How much of a request's own time `Server-Timing` accounts for.

Per kind of request, the median and the worst of |stages − total| / total over the runs.

    python benchmarks/server_timing.py --runs 10
"""

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.gateway import running_gateway, server_timing
from benchmarks.lib.scene_files import scene_png
from benchmarks.lib.table import RunningTable

_KINDS: dict[str, dict[str, str]] = {
    "whole": {"mode": "whole"},
    "slide, 15 windows": {"crop": "128x192"},
    "slide, 276 windows": {"crop": "64x64", "stride": "16x16"},
    "scales and flip": {"mode": "whole", "scales": "0.75,1.0,1.25", "flip": "1"},
    "overlay": {"mode": "whole", "format": "overlay"},
    "json with boxes": {"mode": "whole", "format": "json", "boxes": "1"},
    "logits": {"crop": "128x192", "format": "npz", "content": "logits"},
}
_TABLE = RunningTable((("", 18), ("total ms", 8), ("unaccounted", 11), ("worst", 6)), left=1)


def main() -> int:
    """Command line; 1 if the bar is missed."""
    parser = make_parser("server_timing.py", __doc__)
    parser.add_argument("--runs", type=int, default=10, help="of each kind, after one warm-up")
    parser.add_argument("--bar", type=float, default=0.05, help="share of the total (0.05)")
    arguments = parser.parse_args()
    data = scene_png(256, 480)
    worst = 0.0
    print(_TABLE.heading(), flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log") as gateway,
    ):
        for kind, query in _KINDS.items():
            missing, totals = [], []
            for turn in range(arguments.runs + 1):
                answer = gateway.client.post("/segment", params=query, content=data)
                answer.raise_for_status()
                stages = server_timing(answer)
                total = stages.pop("total")
                if turn:
                    missing.append(abs(total - sum(stages.values())) / total)
                    totals.append(total)
            worst = max(worst, *missing)
            shares = f"{statistics.median(missing):.2%}", f"{max(missing):.2%}"
            print(_TABLE.row([kind, f"{statistics.median(totals):.1f}", *shares]), flush=True)
    print(f"worst of all {worst:.2%}")
    return 0 if worst <= arguments.bar else 1


if __name__ == "__main__":
    sys.exit(main())
