"""A local Triton as a process: started, watched and stopped; tests also kill or halt it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tritonclient.utils import InferenceServerException

from ocrnet.artefacts import KINDS, Kind
from ocrnet.engines.triton import TritonConnection
from ocrnet.errors import OcrnetError
from ocrnet.zoo import get_spec
from server.local_triton.installation import TritonEnvironment
from server.local_triton.log import log_tail
from server.local_triton.ports import HOST, Addresses, Ports, addresses_of, choose_ports
from server.local_triton.repository import DEFAULT_CONFIG, write_repository

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_EXIT_SECONDS = 5  # that Triton gives running requests when it is told to stop
_PROBE_SECONDS = 2.0
_LOOK_SECONDS = 0.2  # so much later a Ctrl-C is noticed at the most

CLIENT_RESTRICTIONS = (
    # A client that may load models can send one along: it would run its Python as this user.
    "--model-control-mode=none",
    # gRPC opens what this names to clients that send the header triton-grpc-protocol-OCRNET, and
    # HTTP/2 (RFC 9113, 8.2.1) does not allow capital letters in header names: nobody can send it.
    "--grpc-restricted-protocol=shared-memory,model-repository,trace,logging:OCRNET=closed",
)
"""Flags that allow gRPC clients only inference, readiness, metadata and statistics."""


@dataclass
class _Run:
    """A server from start to end.

    pid: of the server, not of its supervisor. log_start: the size of the log before it started.
    """

    supervisor: subprocess.Popen[bytes]
    pid: int
    log: Path
    log_start: int


class LocalTriton:
    """A Triton on the loopback interface, usable as a context manager.

    It can be started again after stop() or kill(), on the same ports.
    """

    def __init__(
        self,
        environment: TritonEnvironment,
        repository: Path,
        models: Iterable[str],
        *,
        kinds: Iterable[Kind] = KINDS,
        config_name: str = DEFAULT_CONFIG,
        ports: Ports = Ports(),  # noqa: B008  # it is frozen
        threads: int = 0,
        warmup: bool = False,
        log: Path | None = None,
        grace: float = 15.0,
    ):
        """models: names of the zoo; kinds, config_name, threads, warmup: as of write_repository.

        log: the file that the server's log is appended to; None: one that is removed when the
        server stops. grace: seconds that it may take to stop before it is killed.
        """
        self._environment = environment
        self._repository = repository
        self._specs = list(dict.fromkeys(get_spec(name) for name in models))
        self._kinds, self._config_name = list(kinds), config_name
        self._threads, self._warmup = threads, warmup
        self._ports, self._log, self._grace = ports, log, grace
        self._run: _Run | None = None
        self._scratch: Path | None = None
        self.served: list[str] = []  # the names of Triton's models, once it is started

    def start(self, deadline: float = 180.0) -> Addresses:
        """Start it and wait until all its models can be used; return where it listens.

        deadline: seconds. Raises ArtefactError for models that cannot be served, OcrnetError for a
        port that is taken or a server that does not get ready, with the end of its log.
        """
        self.launch()
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._wait_until_ready(self._started(), deadline)
            undo.pop_all()
        return self.addresses

    def launch(self) -> None:
        """Start the process without waiting until it answers; raises as `start` does."""
        if self._run is not None:
            raise RuntimeError("this Triton is started already")
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._scratch = Path(tempfile.mkdtemp(prefix="ocrnet-triton-"))
            self.served = write_repository(
                self._scratch / "models",
                self._repository,
                self._specs,
                kinds=self._kinds,
                config_name=self._config_name,
                threads=self._threads,
                warmup=self._warmup,
            )
            self._ports = choose_ports(self._ports)
            self._run = self._run_supervisor(self._scratch)
            undo.pop_all()

    @property
    def addresses(self) -> Addresses:
        """Where it listens, once it was started."""
        return addresses_of(self._ports)

    @property
    def pid(self) -> int:
        """The server's process id; raises RuntimeError if it is not started."""
        return self._started().pid

    def is_running(self) -> bool:
        """Whether it is started and has not ended by itself."""
        return self._run is not None and self._run.supervisor.poll() is None

    def wait(self) -> None:
        """Wait until it has ended by itself, then raise OcrnetError with the end of its log."""
        run = self._started()
        # Not supervisor.wait(): Python acts on a signal between two of its instructions. One that
        # comes just before that call blocks, or that another thread takes, would wait for its end.
        while self.is_running():
            time.sleep(_LOOK_SECONDS)
        raise OcrnetError(f"Triton has ended by itself:\n{log_tail(run.log, run.log_start)}")

    def stop(self) -> None:
        """Let it finish running requests, stop it and remove what it left; may be called again."""
        if self._run is not None:
            stdin, stdout = self._run.supervisor.stdin, self._run.supervisor.stdout
            assert stdin is not None
            assert stdout is not None
            stdin.close()  # which tells the supervisor
            self._run.supervisor.wait()
            stdout.close()
            self._run = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self._started().supervisor.wait()
        self.stop()

    def pause(self) -> None:
        """Halt it: it keeps its ports and does not respond, like a server that hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it continue after pause()."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _started(self) -> _Run:
        if self._run is None:
            raise RuntimeError("this Triton is not started")
        return self._run

    def _signal(self, number: int) -> None:
        run = self._started()
        if run.supervisor.poll() is None:  # otherwise the id may belong to another process by now
            os.kill(run.pid, number)

    def _run_supervisor(self, scratch: Path) -> _Run:
        log = self._log or scratch / "triton.log"
        regions = f"{scratch.name}_"  # mkdtemp makes the name unique
        supervisor = [
            sys.executable,
            "-I",
            str(_SUPERVISOR),
            str(self._grace),
            regions,
            str(scratch),
        ]
        with log.open("ab") as file:
            log_start = file.seek(0, os.SEEK_END)
            started = subprocess.Popen(
                [*supervisor, *self._command(scratch, regions)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                # A server that is killed leaves its temporary files behind.
                env=self._environment.variables() | {"TMPDIR": str(scratch)},
                start_new_session=True,  # Ctrl-C reaches this process alone, which stops the server
            )
        assert started.stdout is not None
        pid = int(started.stdout.readline() or 0)
        return _Run(started, pid, log, log_start)

    def _command(self, scratch: Path, regions: str) -> list[str]:
        return [
            str(self._environment.server),
            f"--model-repository={scratch / 'models'}",
            f"--backend-directory={self._environment.backends}",
            f"--backend-config=python,shm-region-prefix-name={regions}",
            "--disable-auto-complete-config",
            *CLIENT_RESTRICTIONS,
            # A web page may send requests to any HTTP server, and nothing here needs HTTP. The last
            # two are turned on by variables of the environment and listen on every interface.
            "--allow-grpc=true",
            "--allow-http=false",
            "--allow-sagemaker=false",
            "--allow-vertex-ai=false",
            f"--exit-timeout-secs={_EXIT_SECONDS}",
            f"--grpc-address={HOST}",
            f"--metrics-address={HOST}",
            f"--grpc-port={self._ports.grpc}",
            f"--metrics-port={self._ports.metrics}",
            "--allow-gpu-metrics=false",
        ]

    def _wait_until_ready(self, run: _Run, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            if run.supervisor.poll() is not None:
                problem = "did not start"
            elif time.monotonic() > deadline:
                problem = f"was not ready after {seconds:g} s"
            else:
                time.sleep(0.05)
                continue
            raise OcrnetError(f"Triton {problem}:\n{log_tail(run.log, run.log_start)}")

    def _is_ready(self) -> bool:
        # A new channel for every try: one that has failed waits before it connects again.
        client = TritonConnection(self.addresses.grpc).blocking()
        try:
            return bool(client.is_server_ready(client_timeout=_PROBE_SECONDS))
        except InferenceServerException:
            return False
        finally:
            client.close()
