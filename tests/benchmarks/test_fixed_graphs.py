"""Constant sizes: what is compared, and that the page says what was found."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.fixed_graphs import MODELS, Case, _cases, main
from benchmarks.lib.fixed_graphs_page import COMMAND, render
from benchmarks.lib.pages import END, begin
from tests.small_models import one_block_a_branch, small_spec

pytestmark = pytest.mark.slow


def test_every_fixed_graph_of_the_four_backbones_is_compared() -> None:
    cases = _cases(MODELS, ["window", "whole"])
    rewritten = [case for case in cases if case.graph == "optimised"]
    assert len(cases) == len(set(cases)) == 2 * (7 + 4 + 7)
    assert not [case for case in rewritten if "r101" in case.model]


def test_the_page_says_what_was_found(root: Path) -> None:
    content = json.loads((root / "docs" / "data" / "fixed-graphs.json").read_text(encoding="utf-8"))
    found = [
        Case(one["what"], one["model"], one["kind"], one["graph"]) for one in content["results"]
    ]
    assert len(found) == len(set(found))
    assert set(found) <= set(_cases(MODELS, ["window", "whole"]))
    page = (root / "docs" / "fixed-graphs.md").read_text(encoding="utf-8")
    assert page.endswith(f"{begin(COMMAND)}\n\n{render(content)}\n{END}\n")


@pytest.mark.thorough
def test_the_command_compares_and_writes_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    page, file = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text(f"# Page\n\n{begin(COMMAND)}\n{END}\n")
    monkeypatch.setattr("benchmarks.fixed_graphs.get_spec", small_spec)
    monkeypatch.setattr("benchmarks.fixed_graphs.best_checkpoint", lambda _: "stand-in")
    command = ["fixed_graphs.py", "--models", MODELS[0], "--kinds", "window", "--turns", "2"]
    monkeypatch.setattr(sys, "argv", [*command, "--json", str(file), "--page", str(page)])
    with one_block_a_branch():
        assert main() == 0
    plan, *both, plain_seconds, optimised_seconds = json.loads(file.read_text())["results"]
    for one in both:
        assert 0 < one["nodes"]["after"] < one["nodes"]["before"] / 2
        assert max(one["difference"].values()) < 1e-5
    for one in (plain_seconds, optimised_seconds):
        assert [len(found["after"]) for found in one["seconds"].values()] == [2, 2]
    assert 0 < plan["plans"]["after"]["layers"] < plan["plans"]["before"]["layers"] / 2
    assert f"| {MODELS[0]} | window | yes |" in page.read_text()
