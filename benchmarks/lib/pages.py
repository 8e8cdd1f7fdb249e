"""Tables in pages of docs/: written between two markers, from checked-in results."""

from pathlib import Path

END = "<!-- up to here -->"


def begin(command: str) -> str:
    """Return the first marker of what that command writes."""
    return f"<!-- from here on written by {command} -->"


def around_table(path: Path, command: str) -> tuple[str, str]:
    """Return the page up to its first marker and from its second on; ValueError without both."""
    text, first_line = path.read_text(encoding="utf-8"), begin(command)
    if (
        text.count(first_line) != 1
        or text.count(END) != 1
        or text.index(first_line) > text.index(END)
    ):
        raise ValueError(
            f"{path} lacks the lines {first_line!r} and {END!r}, once each, in that order"
        )
    first = text.index(first_line) + len(first_line)
    return text[:first], text[text.index(END) :]


def write_between(path: Path, command: str, table: str) -> None:
    """Put the table between the two markers of the page."""
    before, after = around_table(path, command)
    path.write_text(f"{before}\n\n{table}\n{after}", encoding="utf-8")
