"""What the machine is, as results name it."""

import os

from ocrnet.machine import cpuinfo, processor

__all__ = ["clock_mhz", "cores", "processor", "vector_units"]

_VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "asimd")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def vector_units() -> list[str]:
    """Return those of the processor's vector instructions that decide about speed."""
    flags = (cpuinfo().get("flags") or cpuinfo().get("Features") or "").split()
    return [name for name in _VECTORS if name in flags]


def clock_mhz() -> float | None:
    """Return the first core's clock now; None where the system does not say."""
    stated = cpuinfo().get("cpu MHz")
    return float(stated) if stated else None
