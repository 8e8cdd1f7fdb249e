"""`ocrnet segment` where something is wrong around it: interrupts, streams, names, servers."""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus import address_space
from corpus.png import GREY, png
from ocrnet.cli import main
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that is sent requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(patience(5))
        yield listener


@pytest.mark.parametrize("waits_for", ["a gateway", "standard input"])
def test_an_interrupt_ends_what_waits_for_others(
    pictures: Path, silent: socket.socket, waits_for: str
) -> None:
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    more = ["in", "--url", url] if waits_for == "a gateway" else ["-"]
    command = [sys.executable, "-m", "ocrnet", "segment", *more]
    pipe = subprocess.PIPE
    with (
        ExitStack() as connections,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as running,
    ):
        assert running.stdin is not None
        assert running.stderr is not None
        if waits_for == "a gateway":
            asking = connections.enter_context(silent.accept()[0])
            assert asking.recv(1) == b"P"
        else:
            running.stdin.write(b"the start of a picture")
            running.stdin.flush()
            wait_until(lambda: _unread(running.stdin) == 0, seconds=5)
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=patience(2)) == 130
        assert running.stderr.read() == b""


def _unread(pipe: Any) -> int:
    """Bytes in a pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_what_is_no_gateway_is_not_believed(pictures: Path, capsys: Capture) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert main(["segment", "in", "--url", url]) == 1
        finally:
            server.shutdown()
            thread.join()
    assert "answered text/html, not image/png" in capsys.readouterr().err
    assert not Path("masks").exists()


@pytest.mark.parametrize("url", ["http://[::1", "http://h:port", "127.0.0.1:8080", "http://"])
def test_urls_that_are_none(pictures: Path, capsys: Capture, url: str) -> None:
    assert main(["segment", "in", "--url", url]) == 1
    assert "is no URL of a gateway" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "soon"])
def test_timeouts_that_are_none(pictures: Path, capsys: Capture, seconds: str) -> None:
    with pytest.raises(SystemExit):
        main(["segment", "in", "--timeout", seconds])
    assert "is not a number above 0" in capsys.readouterr().err


def test_patterns_pass_earlier_answers_over(pictures: Path) -> None:
    for _ in range(2):
        assert main(["segment", "in/*.png", "-o", "in"]) == 0
    assert sorted(path.name for path in pictures.glob("a*")) == ["a.mask.png", "a.png"]


def test_what_is_not_there_is_told_beside_the_rest(pictures: Path, capsys: Capture) -> None:
    assert main(["segment", "in/a.png", "no*.png", ""]) == 1
    assert "no*.png: No such file or directory" in capsys.readouterr().err
    assert [path.name for path in Path("masks").iterdir()] == ["a.mask.png"]
    assert main(["segment", ""]) == 2


def test_names_and_streams_that_are_not_usual(pictures: Path) -> None:
    Path("in/a.png").rename(os.fsdecode(b"in/\xff.png"))
    command = [sys.executable, "-m", "ocrnet", "segment"]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run([*command, "in"], capture_output=True, env=strict, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\\udcff.mask.png" in done.stdout
    closed = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *command, "-", "-o", "out"], capture_output=True, check=False
    )
    assert closed.returncode == 1
    assert b"Traceback" not in closed.stderr
    assert b"Bad file descriptor" in closed.stderr
    piped = subprocess.run(
        ["sh", "-c", '"$@" | head -c 5', "sh", *command, "in", "--json"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"Traceback" not in piped.stderr
    assert b"BrokenPipe" not in piped.stderr


_SHORT = """
import os
from corpus.address_space import MIB, little_left
from ocrnet.cli import main

main(["segment", "in/a.png", "--json"])
with little_left(os.getpid(), 400 * MIB):  # the graphs take a third
    code = main(["segment", "large.png", "in/a.png", "--json", "--jobs", "1"])
print(code)
"""


@pytest.mark.skipif(not address_space.LIMITED, reason="only Linux limits address space")
def test_too_little_memory_for_a_picture_is_told_and_the_rest_goes_on(pictures: Path) -> None:
    Path("large.png").write_bytes(png(np.zeros((6000, 9000), np.uint8), GREY))
    lines = address_space.python(_SHORT).splitlines()
    assert lines[-1] == "1"
    failed, done = (json.loads(line) for line in lines[1:3])
    assert (failed["input"], failed["code"]) == ("large.png", "out_of_memory")
    assert failed["error"].startswith("there is not enough free memory: use --jobs 1")
    assert done["ok"]
