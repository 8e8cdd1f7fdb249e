"""Tables of text, by the library tabulate: for the terminal and as Markdown.

A Python that measures on a GPU may lack tabulate; nothing that was measured may be lost to that, so
cells are then separated by tabs (benchmarks/acceptance).
"""

from collections.abc import Sequence
from dataclasses import dataclass

try:
    import tabulate
except ModuleNotFoundError:
    tabulate = None

NONE = "–"  # a cell without a figure


@dataclass(frozen=True)
class Table:
    """Cells as text. left: how many columns, from the first on, hold words.

    head: empty for rows alone.
    """

    head: Sequence[str]
    rows: list[list[str]]
    left: int = 1

    def for_terminal(self) -> str:
        """Aligned in columns."""
        if tabulate is None:
            return self._by_tabs()
        # The head as a row: tabulate makes columns wider than their heads, by two spaces.
        lines = self._lines()
        text: str = tabulate.tabulate(
            lines,
            tablefmt="plain",
            disable_numparse=True,
            colalign=["left" if k < self.left else "right" for k in range(len(lines[0]))],
        )
        return text

    def as_markdown(self) -> str:
        """A table of Markdown, whose cells are not padded: a new figure changes its row alone."""
        if tabulate is None:
            return self._by_tabs()
        rule = "|".join("---" if k < self.left else "--:" for k in range(len(self.head)))
        row = tabulate.DataRow("|", "|", "|")
        text: str = tabulate.tabulate(
            self.rows,
            headers=self.head,
            tablefmt=tabulate.TableFormat(
                lineabove=None,
                linebelowheader=lambda *_: f"|{rule}|",
                linebetweenrows=None,
                linebelow=None,
                headerrow=row,
                datarow=row,
                padding=1,
                with_header_hide=None,
            ),
            disable_numparse=True,
            stralign=None,
        )
        return text

    def _by_tabs(self) -> str:
        return "\n".join("\t".join(line) for line in self._lines())

    def _lines(self) -> list[list[str]]:
        return [list(self.head), *self.rows] if self.head else self.rows


@dataclass(frozen=True)
class RunningTable:
    """A table that is printed row by row while its figures are measured.

    Each column has a width from the start, since what is still to come is not known: this is why
    tabulate, which aligns whole tables, does not print it. columns: titles and widths in
    characters. left: how many columns, from the first on, hold words.
    """

    columns: Sequence[tuple[str, int]]
    left: int = 0

    def heading(self) -> str:
        """Return the first line."""
        return self.row([title for title, _ in self.columns])

    def row(self, cells: Sequence[str]) -> str:
        """Return the line of these cells."""
        return "  ".join(
            cell.ljust(width) if k < self.left else cell.rjust(width)
            for k, (cell, (_, width)) in enumerate(zip(cells, self.columns, strict=True))
        ).rstrip()


def number(value: float | None, form: str) -> str:
    """Return the value in that format, as of `format`; NONE where there is none."""
    return NONE if value is None else format(value, form)
