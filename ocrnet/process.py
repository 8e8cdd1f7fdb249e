"""What this process does to its surroundings: freed memory, telemetry, the user's cache folder.

Freed memory: the C library is told to keep it, since new pages are zeroed, and on virtual machines
dear. Measured: docs/measurements.md. Source of the options: mallopt(3) and malloc.h of glibc. Where
the C library has no `mallopt`, nothing changes.

Telemetry: OpenVINO, NNCF and ONNX Runtime report their use to their makers; not from our processes.
`import openvino` alone writes an identifier into ~/intel and sends an event, unless a file there
says otherwise, and NNCF sends more; both through the package `openvino_telemetry`, and both do
without where it is not installed. So here it is as if it were not. Their own way out, the command
`opt_in_out --opt_out`, is for a user's whole account and reports itself: not for us to run.
ONNX Runtime has a variable that turns it off (from 1.29 on it reports on Linux, too).
"""

import ctypes
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8
_LARGEST = 32 * 2**20  # that glibc takes as a threshold: larger blocks are always given back


def keep_all_freed() -> None:
    """Reuse blocks of any size, and never give any back."""
    _set(_M_MMAP_MAX, 0)
    _set(_M_TRIM_THRESHOLD, -1)


def keep_freed(most: int) -> None:
    """Reuse blocks of up to 32 MiB, and keep at most so many bytes of what lies free at the end.

    Threads then share one pool, since glibc trims those of their own sooner. Call it before there
    are any.
    """
    _set(_M_ARENA_MAX, 1)
    _set(_M_MMAP_THRESHOLD, _LARGEST)
    _set(_M_TRIM_THRESHOLD, most)


def _set(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(option, value)


def switch_off_telemetry() -> None:
    """Make `import openvino_telemetry` fail from now on, and tell ONNX Runtime not to report.

    Has to run before either is imported, which without_telemetry.py sees to. A program that has
    imported them by itself before keeps its own choice.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # None in the place of a module: Python's own way to say that there is none.
    cast("dict[str, ModuleType | None]", sys.modules).setdefault("openvino_telemetry", None)


def user_cache(name: str) -> Path:
    """`$XDG_CACHE_HOME/ocrnet/NAME`, else `~/.cache/ocrnet/NAME`; RuntimeError without a home."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ocrnet" / name
