"""The end of Triton's log, for the message of an error."""

from pathlib import Path

_LINES = 12


def log_tail(log: Path, start: int = 0) -> str:
    """Return the last lines of a log, without tables and empty lines.

    start: the byte from which on the log is read; what is before it is an earlier server's.
    """
    try:
        with log.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(it wrote no log)"
    lines = [line for line in text.splitlines() if line.strip() and line[0] not in "|+"]
    # A line that ends with "]" has no message but the table below it, which was left out.
    lines = [line for line in lines if not line.rstrip().endswith("]")]
    return "\n".join(lines[-_LINES:]) or "(its log is empty)"
