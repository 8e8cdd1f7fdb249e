"""Runs the server, and leaves nothing behind when the server or the process that wanted it ends.

It is a program of its own, so that this holds even if the process that started it is killed:

    supervisor.py GRACE REGIONS SCRATCH COMMAND...

It prints the server's process id. Once the standard input is closed, it stops the server: by
SIGTERM, and after GRACE seconds by SIGKILL. Then it kills the processes that the server started and
removes shared memory in /dev/shm whose name starts with REGIONS. If its parent has ended, it also
removes the folder SCRATCH. It imports only the standard library.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SHARED_MEMORY = Path("/dev/shm")


def main() -> int:
    """Run until the server has ended; 0 if it ended well."""
    grace, regions, scratch, *command = sys.argv[1:]
    parent = os.getppid()
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    stop_signal = _catch_stop_signals()
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        process_group=0,
        # If this process is killed, the server still stops. preexec_fn is safe without threads.
        preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM),
    )
    print(server.pid, flush=True)  # noqa: T201
    ended = os.pidfd_open(server.pid)
    if ended not in _wait_for_any(ended, stop_signal, sys.stdin.fileno()):
        server.terminate()
        server.send_signal(signal.SIGCONT)  # a halted process does not handle SIGTERM
        _wait_for_any(ended, seconds=float(grace))
    # It is not reaped yet, so the id is still its own. Its model processes belong to its group.
    os.killpg(server.pid, signal.SIGKILL)
    code = server.wait()
    _reap()
    for region in _SHARED_MEMORY.glob(f"{regions}*"):
        region.unlink(missing_ok=True)
    if os.getppid() != parent:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if code == 0 else 1


def _catch_stop_signals() -> int:
    """Return a file that becomes readable once a signal asks this process to end."""
    stop_signal, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the server would inherit
    return stop_signal


def _wait_for_any(*files: int, seconds: float | None = None) -> list[int]:
    """Wait until files are readable or closed; return them, or none after `seconds`."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(None if seconds is None else seconds * 1000)]


def _reap() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:  # no child is left
        pass


if __name__ == "__main__":
    sys.exit(main())
