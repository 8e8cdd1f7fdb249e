"""What of Triton's log a person wants to read when it has failed."""

from pathlib import Path

_LINES = 12


def log_tail(log: Path, start: int = 0) -> str:
    """Return the last lines of a log after byte `start`, without its tables and empty lines."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(it wrote no log)"
    lines = [line for line in text.splitlines() if line.strip() and line[0] not in "|+"]
    # Without a table above it, the line that announces it says nothing.
    lines = [line for line in lines if not line.rstrip().endswith("]")]
    return "\n".join(lines[-_LINES:]) or "(its log is empty)"
