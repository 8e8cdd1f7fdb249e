"""Finds the Python that the local Triton's models run in, and checks the machine."""

import json
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass

from ocrnet.errors import OcrnetError

# This project does not support older ones; there is no NumPy 1 for newer ones.
MINORS = (11, 12)
_MIN_GLIBC = (2, 35)

# Run by the Python that is examined. `library`: "" where the loader finds it by itself.
_PROBE = """
import ctypes, json, os, platform, sys, sysconfig
name = "libpython%d.%d.so.1.0" % sys.version_info[:2]
libdir = sysconfig.get_config_var("LIBDIR") or ""
folders = [libdir, os.path.join(libdir, sysconfig.get_config_var("MULTIARCH") or "")]
folders.append(os.path.join(sys.base_prefix, "lib"))
paths = [os.path.join(folder, name) for folder in folders]
library = next((path for path in paths if os.path.isfile(path)), None)
if library is None:
    try:
        ctypes.CDLL(name)
        library = ""
    except OSError:
        pass
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "prefix": sys.base_prefix,
    "library": library,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython that can run Triton's models.

    version: such as "3.11.7". prefix: where it is installed. library: the path of its shared
    library; empty where the loader finds it by itself.
    """

    executable: str
    version: str
    prefix: str
    library: str

    @property
    def short_version(self) -> str:
        """Such as "3.11"."""
        return ".".join(self.version.split(".")[:2])


def find_interpreter() -> Interpreter:
    """Return the Python of this process if it can run the models, else one of the PATH.

    Raises OcrnetError, which says what the machine lacks.
    """
    check_machine(sys.platform, platform.machine(), *platform.libc_ver())
    wanted = [f"python3.{minor}" for minor in reversed(MINORS)]
    others = [path for name in wanted if (path := shutil.which(name))]
    problems = []
    for executable in dict.fromkeys([sys.executable, *others]):
        found = _probe(executable)
        if isinstance(found, Interpreter):
            return found
        problems.append(f"{executable} {found}")
    raise OcrnetError(
        f"no Python here can run Triton's models: {'; '.join(problems)}. It takes CPython 3.11 or "
        "3.12 with its shared library (on Debian and Ubuntu: python3.11 and libpython3.11, or "
        "those of 3.12)"
    )


def check_machine(system: str, machine: str, libc: str, libc_version: str) -> None:
    """Raise OcrnetError unless the server's binary runs here.

    libc: such as "glibc"; empty if it is another.
    """
    needs = "the local Triton needs Linux on x86_64 with glibc 2.35 or newer"
    elsewhere = "use a Triton in a container instead (docs/triton.md)"
    if (system, machine) != ("linux", "x86_64"):
        raise OcrnetError(f"{needs}, this is {system} on {machine}: {elsewhere}")
    numbers = tuple(int(part) for part in libc_version.split(".")[:2] if part.isdecimal())
    if libc != "glibc" or numbers < _MIN_GLIBC:
        have = f"glibc {libc_version}" if libc == "glibc" else "another C library"
        raise OcrnetError(f"{needs}, here is {have}: {elsewhere}")


def _probe(executable: str) -> Interpreter | str:
    """Return the interpreter, or why it cannot be used, as the end of a sentence."""
    try:
        run = subprocess.run(
            [executable, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True
        )
        facts = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return "does not run"
    minor = int(facts["version"].split(".")[1])
    if facts["implementation"] != "CPython" or minor not in MINORS:
        return f"is {facts['implementation']} {facts['version']}"
    if facts["library"] is None:
        return f"has no libpython3.{minor}.so.1.0"
    return Interpreter(executable, facts["version"], facts["prefix"], facts["library"])
