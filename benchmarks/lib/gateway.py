"""A gateway in a process of its own, to be measured from outside."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class GatewayProcess:
    """A client of the gateway, its process's id and its log."""

    client: httpx2.Client
    pid: int
    log: Path

    def resident_bytes(self) -> int:
        """Return what the process holds now."""
        return self._status("VmRSS")

    def peak_bytes(self) -> int:
        """Return the most that it has held since it started."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        (found,) = (line for line in lines if line.startswith(f"{name}:"))
        return int(found.split()[1]) * 1024


@contextmanager
def running_gateway(
    log: Path, *flags: str, timeout: float = 120, stop: float = 60, root: Path = _ROOT
) -> Iterator[GatewayProcess]:
    """Start `ocrnet serve` on a free port and stop it again; it logs into the file `log`.

    timeout: of the client, in seconds. stop: seconds that it may take to end. root: the checkout
    that it is started from. Raises RuntimeError if it does not start, or not stop well.
    """
    with (
        _reserved_port() as port,
        log.open("wb") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "ocrnet", "serve", "--port", str(port), *flags],
            cwd=root,
            stderr=stderr,
        ) as running,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}",
            timeout=timeout,
            limits=httpx2.Limits(max_keepalive_connections=1),  # so that leaks can be counted
        ) as client,
    ):
        try:
            while True:
                if running.poll() is not None:
                    raise RuntimeError(f"the gateway did not start: {log.read_text()}")
                try:
                    client.get("/health/ready")
                    break
                except httpx2.TransportError:
                    time.sleep(0.05)
            yield GatewayProcess(client, running.pid, log)
        finally:
            client.close()  # it would wait for an open connection
            if running.poll() is None:  # else it has ended by itself, which was said above
                running.send_signal(signal.SIGTERM)
                if running.wait(timeout=stop) not in (0, -signal.SIGTERM):
                    raise RuntimeError(f"the gateway ended with {running.returncode}")


def server_timing(response: httpx2.Response) -> dict[str, float]:
    """Return the milliseconds of each stage, and `total`, that a response's header states."""
    parts = (part.split(";dur=") for part in response.headers["server-timing"].split(", "))
    return {name: float(value) for name, value in parts}


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that no other process is given meanwhile, and that a server can listen on.

    Chosen and let go, it could be another's by the time that the server binds it.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; not listening
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
