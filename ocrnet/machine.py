"""What the machine is, as reports and results name it."""

import platform
from pathlib import Path


def processor() -> str:
    """Return the processor's name as the system gives it."""
    return cpuinfo().get("model name") or platform.processor() or platform.machine()


def cpuinfo() -> dict[str, str]:
    """Return what Linux says of the first core, by name; elsewhere empty."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    rows = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in rows}
