"""Tables in pages of docs/: written between two markers, from checked-in results."""

from pathlib import Path

END = "<!-- up to here -->"
_BEGIN = "<!-- from here on written by"


def begin(command: str) -> str:
    """Return the first marker of what that command writes."""
    return f"{_BEGIN} {command} -->"


def around_table(path: Path, command: str) -> tuple[str, str]:
    """Return the page up to the first marker of a command, and from the second on.

    A page may hold the tables of several commands. Raises ValueError without both markers.
    """
    text, first_line = path.read_text(encoding="utf-8"), begin(command)
    first = text.find(first_line) + len(first_line)
    second, next_one = text.find(END, first), text.find(_BEGIN, first)
    if text.count(first_line) != 1 or second < 0 or 0 <= next_one < second:
        raise ValueError(
            f"{path} lacks the lines {first_line!r} and {END!r}, once each, in that order"
        )
    return text[:first], text[second:]


def write_between(path: Path, command: str, table: str) -> None:
    """Put the table between the two markers of the page."""
    before, after = around_table(path, command)
    path.write_text(f"{before}\n\n{table}\n{after}", encoding="utf-8")
