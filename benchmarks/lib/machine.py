"""What the machine is, as results name it."""

import os
import platform
from pathlib import Path

_VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "asimd")


def processor() -> str:
    """Return the processor's name as the system gives it."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def vector_units() -> list[str]:
    """Return those of the processor's vector instructions that decide about speed."""
    flags = (_cpuinfo().get("flags") or _cpuinfo().get("Features") or "").split()
    return [name for name in _VECTORS if name in flags]


def clock_mhz() -> float | None:
    """Return the first core's clock now; None where the system does not say."""
    stated = _cpuinfo().get("cpu MHz")
    return float(stated) if stated else None


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    rows = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in rows}
