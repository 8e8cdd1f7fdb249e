"""Have the C library keep what is freed: new pages are zeroed, and on virtual machines dear.

Measured: docs/measurements.md. Source of the options: mallopt(3) and malloc.h of glibc. Where the C
library has no `mallopt`, nothing changes.
"""

import ctypes
import sys

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
