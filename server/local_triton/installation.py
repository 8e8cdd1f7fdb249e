"""Installs the local Triton, once, in a virtual environment of its own, since it needs NumPy 1."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ocrnet.errors import OcrnetError
from ocrnet.process import user_cache
from server.local_triton.interpreter import Interpreter, find_interpreter

TRITON_VERSION = "2.51.0"  # of nvidia-pytriton 0.7.0
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_STAMP = "complete.json"


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # seconds pass: say why


@dataclass(frozen=True)
class TritonEnvironment:
    """Where the server is installed.

    folder: of the virtual environment. python: its version, such as "3.11".
    """

    folder: Path
    python: str

    @property
    def server(self) -> Path:
        """The server's binary."""
        return self._triton / "bin" / "tritonserver"

    @property
    def backends(self) -> Path:
        """The folder with the Python back end."""
        return self._triton / "backends"

    @property
    def _triton(self) -> Path:
        packages = self.folder / "lib" / f"python{self.python}" / "site-packages"
        return packages / "pytriton" / "tritonserver"

    def variables(self) -> dict[str, str]:
        """Return the environment variables that the server runs with."""
        unwanted = ("PYTHONPATH", "PYTHONHOME", "LD_PRELOAD")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        return kept | {
            # Models find the packages of the first Python on the PATH.
            "PATH": os.pathsep.join((str(self.folder / "bin"), os.environ.get("PATH", ""))),
            "LD_LIBRARY_PATH": str(self.folder / "libpython"),
            # Run on the CPU even where there is a GPU: results are the same on every machine.
            "CUDA_VISIBLE_DEVICES": "",
            # ONNX Runtime reports its use to Microsoft under an identifier unless this is set.
            "ORT_DISABLE_TELEMETRY": "1",
        }


def default_folder() -> Path:
    """`$XDG_CACHE_HOME/ocrnet/triton`, else `~/.cache/ocrnet/triton`."""
    return user_cache("triton")


def find_environment(folder: Path | None = None) -> TritonEnvironment | None:
    """Return the environment in `folder` (None: the default) if it is complete, else None.

    Raises OcrnetError where the machine cannot have one.
    """
    interpreter = find_interpreter()
    environment = _environment_in(folder or default_folder(), interpreter)
    return environment if _is_complete(environment, interpreter) else None


def install_environment(
    folder: Path | None = None, say: Callable[[str], None] = _to_stderr
) -> TritonEnvironment:
    """Return the environment in `folder` (None: the default), after installing it if need be.

    An installation that was not finished, or has other versions, is replaced. Other processes that
    install into the same folder wait. say: is called with a line before each long step. Raises
    OcrnetError, which says what went wrong.
    """
    folder = (folder or default_folder()).absolute()
    interpreter = find_interpreter()
    environment = _environment_in(folder, interpreter)
    try:
        if _is_complete(environment, interpreter):  # this user may only read the folder
            return environment
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock", say):
            if not _is_complete(environment, interpreter):
                say(f"Installing Triton {TRITON_VERSION} into {environment.folder} (about 300 MB)")
                _install(environment, interpreter)
    except OSError as error:
        raise OcrnetError(
            f"cannot install Triton into {folder}: {error.strerror or error}"
        ) from error
    return environment


def _environment_in(folder: Path, interpreter: Interpreter) -> TritonEnvironment:
    python = interpreter.short_version
    return TritonEnvironment(folder.absolute() / f"triton-{TRITON_VERSION}-py{python}", python)


def _is_complete(environment: TritonEnvironment, interpreter: Interpreter) -> bool:
    try:
        stamp = (environment.folder / _STAMP).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stamp == _stamp(interpreter) and environment.server.is_file()


def _stamp(interpreter: Interpreter) -> str:
    lines = _REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    facts = {
        "python": interpreter.version,
        "prefix": interpreter.prefix,
        "library": interpreter.library,
        "requirements": [line.strip(" \\") for line in lines if not line.startswith("#")],
    }
    return json.dumps(facts, indent=2) + "\n"


def _install(environment: TritonEnvironment, interpreter: Interpreter) -> None:
    folder = environment.folder
    if folder.exists():  # unfinished, or of other versions
        shutil.rmtree(folder)
    _run([interpreter.executable, "-m", "venv", str(folder)])
    # The wheel's own requirements are for its Python interface, which is not used here.
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input", "--quiet"]
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    _run([*pip, *options, "-r", str(_REQUIREMENTS)])
    # The stub finds the libraries that it was linked with only beside the back end.
    stub = f"python_backend_stubs/{environment.python}/triton_python_backend_stub"
    shutil.copy2(environment.backends.parent / stub, environment.backends / "python")
    # A folder with this library alone: the server must not load others that lie beside it.
    library = folder / "libpython"
    library.mkdir()
    if interpreter.library:
        (library / Path(interpreter.library).name).symlink_to(interpreter.library)
    (folder / _STAMP).write_text(_stamp(interpreter), encoding="utf-8")


def _run(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        said = (run.stdout + run.stderr).strip().splitlines()[-12:]
        raise OcrnetError(f"{' '.join(command)} failed:\n" + "\n".join(said))


@contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    with path.open("w", encoding="utf-8") as file:
        if not _lock(file, fcntl.LOCK_NB):
            say(f"Waiting for another installation ({path})")
            _lock(file)
        yield


def _lock(file: TextIO, how: int = 0) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | how)
    except BlockingIOError:
        return False
    return True
