"""The module that builds: `tensorrt` (10 or 11) or `tensorrt_rtx`, which have the same names."""

import importlib
import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from export.tensorrt.served_version import SERVED_TRITON
from export.tensorrt.visible_gpu import ListedGpu, first_visible
from ocrnet.errors import ArtefactError

Flavour = Literal["tensorrt", "tensorrt_rtx"]
_LOOK_SECONDS = 30
_FIELDS = ("name", "compute_cap", "driver_version", "uuid", "mig.mode.current")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gpu:
    """The GPU that plans are built on and for.

    uuid: by which nvidia-smi finds it, of the whole GPU where `name` is a part's; empty if unknown.
    """

    name: str
    compute_capability: str
    driver: str
    uuid: str = ""


def find_gpu() -> Gpu:
    """Return the GPU that CUDA takes first, as nvidia-smi names it.

    CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER count. Raises ArtefactError where there is none, or
    where nvidia-smi cannot tell which one it is.
    """
    command = shutil.which("nvidia-smi")
    if command is None:
        raise ArtefactError(
            "there is no NVIDIA GPU here (no nvidia-smi): plans are built on the kind of GPU that "
            "will run them; '--to tensorrt-rtx' parses and builds without one, as a check"
        )
    answer = _ask(command, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader")
    rows = [row.split(", ") for row in answer.stdout.splitlines() if row.count(", ") >= 2]
    if answer.returncode or not rows:
        said = (answer.stdout.strip() or answer.stderr.strip()).splitlines()
        raise ArtefactError(
            f"nvidia-smi names no GPU: {said[0].rstrip('.') if said else 'nothing'}"
        )
    listed = [_listed(*row) for row in rows]
    found = first_visible(listed, os.environ, lambda: _ask(command, "-L").stdout)
    return Gpu(found.name, found.compute_capability, found.driver, found.uuid)


def _listed(
    name: str, compute_capability: str, driver: str, uuid: str = "", mig: str = "", *_: str
) -> ListedGpu:
    return ListedGpu(name, compute_capability, driver, uuid, mig == "Enabled")


def _ask(command: str, *flags: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            [command, *flags], capture_output=True, text=True, check=False, timeout=_LOOK_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ArtefactError(
            f"nvidia-smi did not answer within {_LOOK_SECONDS} s: the GPU or its driver hangs"
        ) from None
    except OSError as error:
        raise ArtefactError(f"{command} cannot be run: {error.strerror}") from error


def load_tensorrt(flavour: Flavour) -> ModuleType:
    """Import it; raises ArtefactError with what to install."""
    try:
        module = importlib.import_module(flavour)
    except ModuleNotFoundError:
        package = "tensorrt-rtx"
        if flavour == "tensorrt":  # any other builds plans that Triton refuses
            package = f"'{SERVED_TRITON.requirement}'"
        raise ArtefactError(f"{flavour} is not installed: pip install {package}") from None
    except ImportError as error:  # its shared libraries
        raise ArtefactError(f"{flavour} cannot be loaded: {error}") from error
    major = int(module.__version__.split(".")[0])
    if flavour == "tensorrt" and major < 10:
        raise ArtefactError(f"TensorRT {module.__version__} is too old: 10.0 or newer is needed")
    return module


def make_logger(trt: ModuleType) -> Any:
    """Return an ILogger that hands on to Python's logging and keeps the errors for messages."""

    class Logger(trt.ILogger):  # type: ignore[misc, name-defined]
        """`errors`: what went wrong so far."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: object, message: str) -> None:
            """Called by TensorRT, from any thread."""
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
                _log.error(message)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.warning(message)
            else:
                _log.debug(message)

    return Logger()
