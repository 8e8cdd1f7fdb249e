"""What is tried with the containers, step by step."""

import os
import signal
import socket
import tempfile
import threading
from pathlib import Path

from container_engine import ContainerEngine
from gateway_requests import metric, segment, share_of_equal_labels, status_of, wait_for

ROOT = Path(__file__).resolve().parents[2]
IMAGES = sorted((ROOT / "server" / "page" / "examples").glob("*.jpg"))
_EQUAL = 0.9999
_GRACE = 45  # seconds, as stop_grace_period of docker-compose.yml
_LONG = "?scales=0.75,1.0"  # takes seconds, so that it is under way at a stop
_GATEWAY, _TRITON = "ocrnet-try-gateway", "ocrnet-try-triton"
_SCRIPT = "ocrnet-try-script"
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

    def first_processes(self) -> None:
        """What starts Triton and the exporter, by the Python of the gateway's image."""
        command = ["/ocrnet/start.py", "--wait=1", "--disable-auto-complete-config"]
        folders = ("model_repository:/models", "docker/triton:/ocrnet")
        volumes = tuple(f"--volume={ROOT}/{folder}:ro" for folder in folders)
        python = "--entrypoint=/opt/ocrnet/bin/python"
        self.engine.run(
            _SCRIPT, "ocrnet-gateway", *command, options=(python, "--user=1000:1000", *volumes)
        )
        what = "start.py says what is missing and waits"
        self.note(what, wait_for(lambda: "can be served" in self.engine.log(_SCRIPT), what))
        self.note("stop start.py", self.stop(_SCRIPT, 128 + signal.SIGTERM))
        with tempfile.TemporaryDirectory() as folder:
            os.chown(folder, 1234, 1234)
            options = (
                python, "--user=0:0", "--cap-add=SETUID", "--cap-add=SETGID",
                f"--volume={folder}:/out", f"--volume={ROOT}/docker/export:/export:ro",
            )  # fmt: skip
            command = ["/export/run_as_owner.py", "/out", "touch", "/out/built"]
            self.engine.run(_SCRIPT, "ocrnet-gateway", *command, options=options)
            status = self.engine.wait(_SCRIPT)
            built = Path(folder) / "built"
            if status or built.stat().st_uid != 1234:
                raise Failed(f"run_as_owner.py ended with {status}: {self.engine.log(_SCRIPT)}")
        self.note("run_as_owner.py writes as the folder's owner", "yes")

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
        image = next(image for image in IMAGES if image.name == name)
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
        found = segment(self.url, IMAGES[0])
        if found != (503, b"engine_unavailable"):
            raise Failed(f"without Triton POST /segment gives {found}")
        self.engine.start(_TRITON)
        self.note("Triton is started again: ready", self.wait_until_ready())
        self.compare_masks("share of labels after that")

    def stopped_with_a_request(self) -> None:
        """A request that is under way is answered; then the gateway ends with status 0."""
        results: list[tuple[int, bytes]] = []
        request = threading.Thread(
            target=lambda: results.append(segment(self.url, IMAGES[0], _LONG))
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


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
