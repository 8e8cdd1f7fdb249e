"""Unpickle checkpoints without running anything that they name.

`torch.load(weights_only=True)` refuses files that mention classes it does not know, and
mmengine's files mention several (message hub, history buffer, NumPy scalars). Here every
such name becomes an inert stand-in of our own: it takes any arguments and any state, and
does nothing with them. The real classes are never imported, and there is no fallback to
full unpickling.
"""

import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from export.checkpoints.pickled_names import pickled_names
from ocrnet.errors import CheckpointError

_MOST_NAMES = 100  # torch's own included, of which a checkpoint names ten or so

# What torch's unpickler lets through on damaged files.
_DAMAGED = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AssertionError,
    AttributeError,
    struct.error,
    zipfile.BadZipFile,
)

# Harmless as stand-ins too, but a file that names one of these was made to do harm: say so.
_HOSTILE = re.compile(
    r"^(subprocess|shutil|socket|importlib|runpy|pty|webbrowser|code|ctypes|pickle)\b"
    r"|^builtins\.(eval|exec|compile|open|input|__import__)$"
)


class _Inert:
    """Accepts whatever a pickle does to an object, and keeps nothing."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


def load_inert(path: Path) -> Any:
    """Load a `.pth` file's contents, foreign objects replaced by inert stand-ins.

    Raises CheckpointError for a file that is no checkpoint or names what it never should.
    """
    names = pickled_names(path)
    for name in names:
        if _HOSTILE.match(name):
            raise CheckpointError(
                f"{path} names {name}, which no checkpoint needs: it is hostile or damaged"
            )
    if len(names) > _MOST_NAMES:
        raise CheckpointError(f"{path} cannot be read safely: it needs {names[_MOST_NAMES]}")
    # Of a name that torch allows itself it takes its own class, not the stand-in.
    stand_ins: list[Any] = [(type("Inert", (_Inert,), {}), name) for name in names]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} cannot be read safely: {_first(error)}") from error
    except _DAMAGED as error:
        raise CheckpointError(f"{path} is not a PyTorch checkpoint: {_first(error)}") from error


def _first(error: Exception) -> str:
    # torch's own text begins with advice to load the file unsafely: only the cause is passed on.
    text = str(error).strip().partition("WeightsUnpickler error:")
    return (text[2] or text[0]).strip().split("\n")[0][:200] or type(error).__name__
