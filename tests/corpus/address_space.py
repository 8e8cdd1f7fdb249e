"""Running short of memory for real: the address space of a process is limited, and lifted again."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.patience import patience

LIMITED = sys.platform == "linux"
MIB = 2**20


def address_space(pid: int | str = "self") -> int:
    """Bytes of a process's address space."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmSize:"))


@contextmanager
def little_left(pid: int, more: int) -> Iterator[None]:
    """Let a process have `more` bytes of address space than it has now, within the block."""
    _, most = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space(pid) + more, most))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_AS, (most, most))


def python(script: str, *arguments: str) -> str:
    """Run a script in a process of its own, with this module at hand; what it printed."""
    # The root first: tests/ocrnet is not ocrnet, wherever the script runs.
    places = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
    path = f"import sys; sys.path[:0] = {places!r}\n"
    command = [sys.executable, "-c", path + script, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=patience(30)
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return done.stdout
