"""Builds the containers and shows that they work: hardened, stopped, killed and started again.

    make containers            by the engine that is installed, Docker or Podman
    docker/tryout/try_containers.py --help

The gateway's image and that of a Triton for CPUs are built and run on the host's network, with the
limits of docker-compose.yml. Every check ends in a line with its time, or in what went wrong.
"""

import argparse
import json
import os
import platform
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from container_engine import ContainerEngine, ContainerError, find_engine
from gateway_requests import (
    masks_in_process,
    metric,
    segment,
    share_of_equal_labels,
    status_of,
    wait_for,
)

_ROOT = Path(__file__).resolve().parents[2]
_IMAGES = sorted((_ROOT / "server" / "page" / "examples").glob("*.jpg"))
_EQUAL = 0.9999
_GRACE = 45  # seconds, as stop_grace_period of docker-compose.yml
_LONG = "?scales=0.75,1.0"  # takes seconds, so that it is under way at a stop
_GATEWAY, _TRITON = "ocrnet-try-gateway", "ocrnet-try-triton"
# Of the first process in a container: its user, its rights, and whether it can gain any.
_FIND = """
import importlib.util, sys
sys.exit(" ".join(name for name in sys.argv[1:] if importlib.util.find_spec(name)) or 0)
"""
_STATUS = "Uid Gid CapEff CapBnd NoNewPrivs"


class Failed(Exception):
    """A check did not hold; the message says what was found."""


class Tryout:
    """The steps, and what each of them took."""

    def __init__(self, engine: ContainerEngine, record: dict[str, float | str]):
        self.engine, self.record = engine, record
        self.port, self.grpc, self.metrics = _free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.masks: dict[str, bytes] = {}

    def build(self, base: str) -> None:
        """Build both images."""
        arguments = {"PYTHON_IMAGE": base} if base else {}
        seconds = self.engine.build(
            Path("docker/gateway.Dockerfile"), "ocrnet-gateway", **arguments
        )
        self.note("build the gateway's image", seconds)
        seconds = self.engine.build(
            Path("docker/triton-cpu.Dockerfile"),
            "ocrnet-triton-cpu",
            GATEWAY_IMAGE="ocrnet-gateway",
        )
        self.note("build the CPU Triton's image", seconds)
        for image in ("ocrnet-gateway", "ocrnet-triton-cpu"):
            self.note(f"{image}, MB", self.engine.image_bytes(image) / 1e6)

    def gateway_alone(self) -> None:
        """The gateway runs the demo in its own process."""
        self.run_gateway()
        self.check_limits(_GATEWAY, user="10001")
        for name, expected in self.masks.items():
            if self.mask(name) != expected:
                raise Failed(f"the mask of {name} is not the one of 'ocrnet segment' here")
        self.note("masks equal to 'ocrnet segment' on the host, byte by byte", len(self.masks))
        self.check_missing_tools()
        self.note("stop the gateway", self.stop(_GATEWAY, 0))

    def with_triton(self) -> None:
        """The gateway in front of Triton: masks, a request at a stop, a killed Triton."""
        self.run_triton()
        self.run_gateway(OCRNET_TRITON=f"127.0.0.1:{self.grpc}")
        self.check_limits(_TRITON, user="1000")
        self.compare_masks("share of labels equal to in process, least of the images")
        self.killed_triton()
        self.stopped_with_a_request()
        self.note("stop Triton", self.stop(_TRITON, 0))
        self.restart()

    def run_triton(self) -> None:
        ports = [f"--grpc-port={self.grpc}", f"--metrics-port={self.metrics}"]
        command = ["triton", "--environment", "/opt/triton", "--repository", "/models", *ports]
        self.engine.run(_TRITON, "ocrnet-triton-cpu", *command, grace=_GRACE)

    def run_gateway(self, **environment: str) -> None:
        """Start it and wait until it is ready."""
        variables = {"OCRNET_HOST": "127.0.0.1", "OCRNET_PORT": str(self.port)}
        self.engine.run(
            _GATEWAY, "ocrnet-gateway", environment=variables | environment, grace=_GRACE
        )
        what = "the gateway is ready" + (" in front of Triton" if environment else "")
        self.note(what, self.wait_until_ready())

    def wait_until_ready(self) -> float:
        return wait_for(lambda: status_of(f"{self.url}/health/ready") == 200, "/health/ready")

    def mask(self, name: str) -> bytes:
        image = next(image for image in _IMAGES if image.name == name)
        status, body = segment(self.url, image)
        if status != 200:
            raise Failed(f"POST /segment with {name}: {status} {body.decode(errors='replace')}")
        return body

    def compare_masks(self, what: str) -> None:
        shares = [share_of_equal_labels(self.mask(name), mask) for name, mask in self.masks.items()]
        if min(shares) < _EQUAL:
            raise Failed(f"only {min(shares):.4%} of the labels are those of in process")
        self.note(what, min(shares))

    def check_limits(self, name: str, user: str) -> None:
        """The first process has no rights and cannot write, as the compose file has it."""
        text = self.engine.inside(name, "cat", "/proc/1/status").stdout
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        found = {key: fields[key].split()[0] for key in _STATUS.split()}
        none = "0" * 16
        wanted = dict.fromkeys(["Uid", "Gid"], user) | dict.fromkeys(["CapEff", "CapBnd"], none)
        if found != wanted | {"NoNewPrivs": "1"}:
            raise Failed(f"{name} runs with {found}")
        for place in ("/models/x", "/opt/x", "/etc/x"):
            if self.engine.inside(name, "sh", "-c", f": > {place}").returncode == 0:
                raise Failed(f"{name} could write {place}")
        self.note(f"{name}: user {user}, no capabilities, nothing to write to but /tmp", "yes")

    def check_missing_tools(self) -> None:
        """What only builds or measures is not in the image."""
        code = _FIND
        names = ("export", "benchmarks", "torch", "onnx", "setuptools", "pip")
        done = self.engine.inside(_GATEWAY, "/opt/ocrnet/bin/python", "-c", code, *names)
        if done.returncode:
            raise Failed(f"the gateway's image holds {done.stderr.strip()}")
        self.note(f"not in the gateway's image: {', '.join(names)}", "yes")

    def killed_triton(self) -> None:
        """The gateway notices, says so, and uses Triton again by itself."""
        self.engine.kill(_TRITON)
        ready = f"{self.url}/health/ready"
        self.note("Triton is killed: not ready", wait_for(lambda: status_of(ready) == 503, ready))
        found = segment(self.url, _IMAGES[0])
        if found != (503, b"engine_unavailable"):
            raise Failed(f"without Triton POST /segment gives {found}")
        self.engine.start(_TRITON)
        self.note("Triton is started again: ready", self.wait_until_ready())
        self.compare_masks("share of labels after that")

    def stopped_with_a_request(self) -> None:
        """A request that is under way is answered; then the gateway ends with status 0."""
        results: list[tuple[int, bytes]] = []
        request = threading.Thread(
            target=lambda: results.append(segment(self.url, _IMAGES[0], _LONG))
        )
        request.start()
        wait_for(lambda: metric(self.url, "ocrnet_engine_queue") > 0, "the request is under way")
        self.note("stop the gateway with a request under way", self.stop(_GATEWAY, 0))
        request.join()
        if not results or results[0][0] != 200:
            raise Failed(f"the request under way was answered with {results}")

    def restart(self) -> None:
        """Both are started again as they were."""
        self.engine.start(_TRITON)
        self.engine.start(_GATEWAY)
        self.note("both are started again: ready", self.wait_until_ready())
        self.compare_masks("share of labels after the restart")
        self.note("stop the gateway again", self.stop(_GATEWAY, 0))
        self.note("stop Triton again", self.stop(_TRITON, 0))

    def stop(self, name: str, status: int) -> float:
        seconds = self.engine.stop(name)
        found = self.engine.exit_status(name)
        if found != status or seconds >= _GRACE:
            raise Failed(f"{name} ended with status {found} after {seconds:.1f} s")
        return seconds

    def note(self, what: str, value: float | str) -> None:
        """Print a result and keep it."""
        self.record[what] = round(value, 6) if isinstance(value, float) else value
        text = f"{value:10.2f}" if isinstance(value, float | int) else f"{value:>10}"
        print(f"{text}  {what}", flush=True)


def main(argv: list[str]) -> int:
    """Try everything; 1 if something failed."""
    arguments = _parser().parse_args(argv)
    os.chdir(_ROOT)
    record: dict[str, float | str] = {}
    try:
        engine = arguments.engine or find_engine()
        builder = arguments.builder or f"{engine} build"
        containers = ContainerEngine(
            engine, builder, arguments.build_options, arguments.run_options
        )
        print(f"{containers.version()}, on {platform.machine()} with {os.cpu_count()} cores")
        with _cleaned_up(containers):
            tryout = Tryout(containers, record)
            if not arguments.no_build:
                tryout.build(arguments.python_image)
            with tempfile.TemporaryDirectory() as folder:
                tryout.masks = masks_in_process(_IMAGES, Path(folder))
            tryout.gateway_alone()
            tryout.with_triton()
        version = containers.version()
    except (ContainerError, Failed, TimeoutError, OSError) as error:
        print(f"try_containers.py: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        facts = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "engine": version}
        facts |= {"machine": f"{platform.machine()}, {os.cpu_count()} cores"}
        facts |= {"note": arguments.note} if arguments.note else {}
        content = json.dumps(facts | {"results": record}, indent=2)
        arguments.json.write_text(content + "\n", encoding="utf-8")
    print("All of it works.")
    return 0


@contextmanager
def _cleaned_up(engine: ContainerEngine) -> Iterator[None]:
    """Remove the containers at the end; after a failure show what they said first."""
    try:
        yield
    except (Failed, TimeoutError):
        for name in engine.started:
            print(f"--- {name}\n" + "\n".join(engine.log(name).splitlines()[-20:]), file=sys.stderr)
        raise
    finally:
        for name in dict.fromkeys(engine.started):
            engine.remove(name)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--engine", default="", metavar="COMMAND",
        help="with its options, such as 'podman --runtime runc' (default: docker or podman)",
    )  # fmt: skip
    add(
        "--builder", default="", metavar="COMMAND",
        help="that builds images, such as 'buildah bud' (default: the engine's build)",
    )  # fmt: skip
    add("--build-options", default="", metavar="OPTIONS", help="further options of each build")
    add("--run-options", default="", metavar="OPTIONS", help="further options of each run")
    add(
        "--python-image", default="", metavar="IMAGE",
        help="what the images are built from (default: what gateway.Dockerfile names)",
    )  # fmt: skip
    add("--no-build", action="store_true", help="try the images that are there")
    add("--json", type=Path, metavar="FILE", help="write the results there too")
    add("--note", default="", metavar="TEXT", help="of what was not as usual, for that file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
