"""Tables of what we serve beside peers: medians, ratios within a kind, several tables on a page."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.default_path import requests_table, starts_table
from benchmarks.docs_tables import DOCS, peers
from benchmarks.lib.pages import END, around_table, begin, write_between
from benchmarks.lib.peers_page import COMMAND, render
from benchmarks.lib.peers_table import Peers, peers_table, summary

DEMO = {
    "OpenVINO, unmodified export": [4.0, 2.0, 3.0],
    "ours, exact": [1.5, 1.5, 9.0],
    "PyTorch, channels first": [8.0, 8.0, 8.0],
    "ours, fast, HTTP": [0.5, 1.0, 0.8],
}
RUN = Peers("2026-11-27", "a CPU", "1024x2048", {"torch": "2.13"}, 3, {"demo": DEMO})


def test_times_are_against_the_first_of_the_same_kind() -> None:
    rows = {row[1]: row[2:] for row in summary(DEMO).rows}
    assert rows["ours, exact"] == ["1.500", "1.500 to 9.000", "2.00"]
    assert rows["ours, fast, HTTP"] == ["0.800", "0.500 to 1.000", "10.00"]
    assert "ours, fast" not in rows  # was not measured


def test_models_stand_beside_each_other() -> None:
    other = "ocrnet_hr48_cityscapes_160k"
    run = replace(RUN, models={"demo": DEMO, other: {"ours, exact": [2.0]}}, random=[other])
    table = peers_table(Peers.from_json(asdict(run)))
    assert list(table.head[2:]) == ["HRNet-W18-Small, s", "×", "HRNet-W48, s", "×"]
    rows = {row[1]: row[2:] for row in table.rows}
    assert rows["ours, exact"] == ["1.50", "2.00", "–", "–"]  # nothing to set it against
    assert "ours, exact, HTTP and Triton" not in rows
    assert f"Random weights: {other}." in render([run])


def test_other_conditions_are_told_apart() -> None:
    assert RUN.same_conditions(replace(RUN, date="2026-11-28", models={}))
    for other in ({"device": "b"}, {"turns": 5}, {"versions": {}}, {"size": "512x1024"}):
        assert not RUN.same_conditions(replace(RUN, **other))


def test_the_page_has_the_checked_in_runs() -> None:
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    assert f"{begin(COMMAND)}\n\n{render(peers())}\n{END}\n" in page


def test_a_page_may_hold_tables_of_several_commands(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{begin('a')}\nold\n{END}\nbetween\n{begin('b')}\n{END}\nafter\n")
    write_between(page, "b", "new b")
    write_between(page, "a", "new a")
    text = page.read_text()
    expected = f"{begin('a')}\n\nnew a\n{END}\nbetween\n{begin('b')}\n\nnew b\n{END}\nafter\n"
    assert text == expected
    page.write_text(f"{begin('a')}\n{begin('b')}\n{END}\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        around_table(page, "a")


def test_the_default_path_is_set_against_the_dynamic_graph_and_the_engine() -> None:
    seconds = {
        "dynamic graph alone": [0.6, 0.6],
        "make serve": [0.42, 0.42],
        "--fast demo": [0.2, 0.2],
        "engine alone": [0.4, 0.4],
    }
    rows = {row[1]: row[2:] for row in requests_table({"512x1024": seconds}).rows}
    assert rows["make serve"] == ["0.420", "1.43", "1.050"]
    assert rows["dynamic graph alone"] == ["0.600", "1.00", "1.500"]
    assert rows["--fast demo"] == ["0.200", "3.00", "–"]
    assert starts_table({"make serve, cold": [3.0, 1.0, 2.0]}).rows == [
        ["make serve, cold", "2.00"]
    ]
