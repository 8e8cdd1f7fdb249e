"""What hostile HTTP bodies cost other clients: the latency of health checks and of good requests.

One connection, then eight, send such a body without end; a connection that is refused is made
again. All traffic stays on this machine, and each step ends after `--seconds`.

    python benchmarks/chunk_lag.py
    python benchmarks/chunk_lag.py --before DIR --kind chunks boundaries
"""

import argparse
import multiprocessing
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from benchmarks.lib.arguments import make_parser
from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.scene_files import scene_png
from benchmarks.lib.table import RunningTable

_ROOT = Path(__file__).parents[1]
_START = (
    b"POST /segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_FORM = _START % b"multipart/form-data; boundary=b"
_RAW = _START % b"image/png"
_PART = b"--b\r\nContent-Disposition: form-data; name=image\r\n\r\n"
_SIZE = 256 * 1024  # bytes that are sent at a time, as much as the gateway reads at once


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


# What is sent first, and what again and again.
_KINDS = {
    "chunks": (_RAW, b"1\r\nx\r\n" * (_SIZE // 6)),
    "extensions": (_RAW, b"1;%s\r\nx\r\n" % (b"e" * 8000) * (_SIZE // 8000)),
    "trailers": (_RAW + b"0\r\n", b"a:\r\n" * (_SIZE // 4)),
    "boundaries": (_FORM + _chunk(_PART), _chunk(b"\r\n--bx" * (_SIZE // 6))),
    "padding": (_FORM + _chunk(_PART + b"\r\n--b"), _chunk(b" " * _SIZE)),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a:\r\n" * (_SIZE // 4)),
    "pipelined": (b"", b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * (_SIZE // 45)),
}


_TABLE = RunningTable(
    (("", 6), ("", 12), ("health p50 ms", 13), ("p99 ms", 7), ("max ms", 7), ("good p50 ms", 11),
     ("max ms", 7), ("late", 4)),
    left=2,
)  # fmt: skip


@dataclass
class Seen:
    """Milliseconds of each response, and how many requests got none in time."""

    health: list[float] = field(default_factory=list)
    good: list[float] = field(default_factory=list)
    late: int = 0

    def cells(self) -> list[str]:
        """Return the figures as they stand in a row of the table."""
        health, good = sorted(self.health), sorted(self.good) or [float("nan")]
        of_health = statistics.median(health), health[len(health) * 99 // 100], health[-1]
        of_good = statistics.median(good), good[-1]
        return [
            *(f"{ms:.1f}" for ms in of_health),
            *(f"{ms:.0f}" for ms in of_good),
            str(self.late),
        ]


def main() -> int:
    """Run the command; returns 1 if a good request is late or health checks pass the bar."""
    parser = make_parser("chunk_lag.py", __doc__)
    parser.add_argument("--kind", nargs="+", choices=_KINDS, default=["chunks"])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 8], metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each step (default: 10)")
    parser.add_argument(
        "--before", type=Path, metavar="DIR", help="an earlier checkout, to measure as well"
    )
    parser.add_argument(
        "--timeout", type=float, default=15.0, help="of a request, in seconds (default: 15)"
    )
    parser.add_argument(
        "--bar", type=float, default=50.0, help="median of health checks in ms (default: 50)"
    )
    arguments = parser.parse_args()
    roots = {"before": arguments.before.resolve()} if arguments.before else {}
    roots["now"] = _ROOT
    image = scene_png(256, 512)
    print(_TABLE.heading(), flush=True)
    fine = True
    for kind in arguments.kind:
        for name, root in roots.items():
            for count, seen in _steps(root, image, kind, arguments):
                step = f"{kind} {count}" if count else "none"
                print(_TABLE.row([name, step, *seen.cells()]), flush=True)
                if name == "now" and count:
                    good = not seen.late and statistics.median(seen.health) <= arguments.bar
                    fine = fine and good
    return 0 if fine else 1


def _steps(
    root: Path, image: bytes, kind: str, arguments: argparse.Namespace
) -> Iterator[tuple[int, Seen]]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running_gateway(log, timeout=arguments.timeout, root=root) as gateway:
            for count in (0, *arguments.connections):
                yield count, _measure(gateway, image, kind, count, arguments.seconds)
            if root != _ROOT:
                time.sleep(12)  # earlier ones cannot stop before they have closed what they refused


def _measure(
    gateway: GatewayProcess, image: bytes, kind: str, connections: int, seconds: float
) -> Seen:
    url = gateway.client.base_url
    seen = Seen()
    with _hostile(url.port or 80, kind, connections, seconds):
        end = time.monotonic() + seconds
        good = threading.Thread(target=_ask_for_masks, args=(gateway, image, end, seen))
        good.start()
        with httpx2.Client(base_url=url, timeout=gateway.client.timeout) as client:
            while time.monotonic() < end:
                started = time.perf_counter()
                try:
                    client.get("/health/live").raise_for_status()
                except httpx2.TimeoutException:
                    seen.late += 1
                seen.health.append(1000 * (time.perf_counter() - started))
                time.sleep(0.02)
        good.join()
    return seen


def _ask_for_masks(gateway: GatewayProcess, image: bytes, end: float, seen: Seen) -> None:
    while time.monotonic() < end:
        started = time.perf_counter()
        try:
            gateway.client.post("/segment?mode=whole", content=image).raise_for_status()
            seen.good.append(1000 * (time.perf_counter() - started))
        except httpx2.TimeoutException:
            seen.late += 1


@contextmanager
def _hostile(port: int, kind: str, connections: int, seconds: float) -> Iterator[None]:
    """Send from another process, so that measuring is not slowed down."""
    process = multiprocessing.get_context("spawn").Process(
        target=_send, args=(port, kind, connections, seconds), daemon=True
    )
    process.start()
    time.sleep(1)  # until it sends
    try:
        yield
    finally:
        process.kill()
        process.join()


def _send(port: int, kind: str, connections: int, seconds: float) -> None:
    end = time.monotonic() + seconds + 5
    threads = [
        threading.Thread(target=_send_again, args=(port, kind, end)) for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send_again(port: int, kind: str, end: float) -> None:
    first, then = _KINDS[kind]
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(first)
                while time.monotonic() < end and not _answered(connection, kind):
                    connection.sendall(then)
        except OSError:
            time.sleep(0.01)


def _answered(connection: socket.socket, kind: str) -> bool:
    """Return whether the gateway has responded; responses to pipelined requests do not count."""
    connection.setblocking(False)
    try:
        data = connection.recv(2**20)
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(30)
    return not data or kind != "pipelined"


if __name__ == "__main__":
    sys.exit(main())
