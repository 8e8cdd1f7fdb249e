"""A real Triton is started, halted, killed, started again and stopped; nothing stays behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from ocrnet.errors import OcrnetError
from server.local_triton import LocalTriton, Ports, TritonEnvironment
from tests.conftest import patient_triton
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

Remains = Callable[[Path], list[str]]


def _infer(address: str, seconds: float = patience(6)) -> np.ndarray:
    with InferenceServerClient(address) as client:
        image = InferInput("image", [1, 32, 32, 3], "UINT8")
        image.set_data_from_numpy(np.zeros((1, 32, 32, 3), np.uint8))
        logits = client.infer("demo_dynamic", [image], client_timeout=seconds).as_numpy("logits")
        assert logits is not None
        return logits


def test_halted_killed_and_started_again(
    local_triton_environment: TritonEnvironment,
    demo_repository: Path,
    temporary: Path,
    remains: Remains,
) -> None:
    triton = LocalTriton(local_triton_environment, demo_repository, ["demo"])
    with patient_triton(triton):
        first = triton.addresses
        expected = _infer(first.grpc)
        triton.pause()
        with pytest.raises(InferenceServerException, match="Deadline Exceeded"):
            _infer(first.grpc, seconds=0.5)  # short on purpose
        triton.resume()
        np.testing.assert_array_equal(_infer(first.grpc), expected)

        (scratch,) = temporary.iterdir()
        # A region and a process for its model, the server, the supervisor.
        assert len(remains(scratch)) == 4
        triton.kill()
        assert remains(scratch) == []
        assert not scratch.exists()
        assert not triton.is_running()
        with pytest.raises(InferenceServerException, match="failed to connect"):
            _infer(first.grpc)

        assert triton.start(patience(20)) == first
        np.testing.assert_array_equal(_infer(first.grpc), expected)
        taken = int(first.grpc.rpartition(":")[2])
        other = LocalTriton(
            local_triton_environment, demo_repository, ["demo"], ports=Ports(grpc=taken)
        )
        with pytest.raises(OcrnetError, match="grpc port"):
            other.start()
        (scratch,) = temporary.iterdir()
    assert remains(scratch) == []
    assert not scratch.exists()


@contextmanager
def _command(repository: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`ocrnet triton`, once it serves; its scratch folder is in `folder`."""
    flags = ["--grpc-port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "ocrnet", "triton", "--repository", str(repository), *flags],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
        process_group=0,
    ) as running:
        try:
            assert running.stderr is not None
            for line in running.stderr:
                if line.startswith("Serving "):
                    assert line.startswith("Serving demo_dynamic by Triton 2.51.0 at 127.0.0.1:")
                    break
            else:
                pytest.fail("it does not serve")
            yield running
        finally:
            running.kill()


_INTERRUPTED_ELSEWHERE = """
import signal, subprocess, sys, threading
from pathlib import Path
from server.local_triton.process import LocalTriton, _Run

triton = LocalTriton.__new__(LocalTriton)
sleeper = subprocess.Popen(["sleep", "600"])
triton._run = _Run(sleeper, sleeper.pid, Path("log"), 0)

def interrupt():
    threading.Event().wait(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    threading.Event().wait()

threading.Thread(target=interrupt, daemon=True).start()
try:
    triton.wait()
except KeyboardInterrupt:
    sleeper.kill()
    print("interrupted", flush=True)
"""


def test_ctrl_c_is_noticed_where_another_thread_takes_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_ELSEWHERE],
        capture_output=True,
        text=True,
        timeout=patience(6),
        check=False,
    )
    assert done.stdout == "interrupted\n", done.stderr


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "SIGKILL"])
@pytest.mark.usefixtures("local_triton_environment")
def test_however_the_command_ends_nothing_stays(
    demo_repository: Path, tmp_path: Path, remains: Remains, how: str
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    with _command(demo_repository, folder) as running:
        (scratch,) = folder.iterdir()  # what Triton itself puts there included
        assert len(remains(scratch)) == 4
        if how == "Ctrl-C":
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        else:
            running.send_signal(signal.Signals[how])
        code = running.wait(timeout=patience(6))
    if how == "SIGKILL":  # then the supervisor does it, a little later
        wait_until(
            lambda: not (remains(scratch) or scratch.exists()),
            seconds=5,
            what=lambda: remains(scratch),
        )
    assert remains(scratch) == []
    assert list(folder.iterdir()) == []
    assert code == (-signal.SIGKILL if how == "SIGKILL" else 0)
