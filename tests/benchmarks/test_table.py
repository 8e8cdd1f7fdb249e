"""Tables: aligned for the terminal, as Markdown, row by row, and without tabulate."""

import pytest

from benchmarks.lib import table
from benchmarks.lib.table import NONE, RunningTable, Table, number

WORDS = Table(["", "precision", "fps"], [["torch", "int8", "0.10"], ["×", "", "12"]], left=2)


def test_for_the_terminal_words_stand_left_and_figures_right() -> None:
    lines = ["       precision   fps", "torch  int8       0.10", "×                   12"]
    assert WORDS.for_terminal() == "\n".join(lines)
    assert Table([], WORDS.rows, 2).for_terminal() == "torch  int8  0.10\n×              12"


def test_markdown_is_not_padded_so_that_a_new_figure_changes_its_row_alone() -> None:
    lines = ["|  | precision | fps |", "|---|---|--:|", "| torch | int8 | 0.10 |", "| × |  | 12 |"]
    assert WORDS.as_markdown() == "\n".join(lines)


def test_a_running_table_keeps_its_widths() -> None:
    running = RunningTable((("kind", 6), ("fps", 5)), left=1)
    assert running.heading() == "kind      fps"
    assert running.row(["whole", "1.5"]) == "whole     1.5"
    with pytest.raises(ValueError, match="zip"):
        running.row(["whole"])


def test_without_tabulate_no_cell_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "tabulate", None)
    plain = "\tprecision\tfps\ntorch\tint8\t0.10\n×\t\t12"
    assert WORDS.for_terminal() == WORDS.as_markdown() == plain


def test_a_figure_that_is_not_there_is_a_dash() -> None:
    assert [number(None, ".2f"), number(0.0, ".2f"), number(0.5, ".0%")] == [NONE, "0.00", "50%"]
