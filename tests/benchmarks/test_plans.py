"""The table of plans: what is built, how it goes on, and that the page says what was found."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lib.architectures import architectures
from benchmarks.lib.pages import END, around_table, begin
from benchmarks.lib.plans_page import COMMAND, render, write_page
from benchmarks.plans import Case, cases, run
from ocrnet.errors import ArtefactError
from ocrnet.zoo import load_zoo

BEGIN = begin(COMMAND)
HEADER = {
    "date": "2026-11-25",
    "note": "Beside nothing.",
    "machine": {"cpu": "a CPU", "cores": 2, "gpu": False},
    "versions": {"tensorrt_rtx": "1.7", "torch": "2", "onnx": "1", "python": "3"},
    "models": {"hr18s_voc12": ["a", "b"]},
    "settings": {"max_batch": 8, "max_size": "2048x2048", "level": 3},
}
FACTS = {"layers": 2686, "parse_seconds": 0.09, "build_seconds": 0.91, "plan_mib": 30.6}


def test_the_zoo_has_eleven_architectures_and_the_demo_shares_one() -> None:
    found = architectures()
    assert len(found) == 11
    assert sum(len(specs) for specs in found.values()) == len(load_zoo())
    assert "demo" in [spec.name for spec in found["hr18s_cityscapes"]]
    for specs in found.values():
        of_graph = {
            (s.backbone, s.variant, s.classes, s.crop, s.align_corners, s.mean, s.std)
            for s in specs
        }
        assert len(of_graph) == 1, specs[0].architecture


def test_every_graph_is_built_in_both_precisions() -> None:
    todo = cases(list(architectures()))
    assert len(todo) == len(set(todo)) == 2 * (5 * 3 + 6 * 2)
    assert {case.kind for case in cases(["hr18_ade20k"])} == {"dynamic", "window"}


def test_the_page_says_what_was_found(root: Path) -> None:
    content = json.loads((root / "docs" / "data" / "plans.json").read_text(encoding="utf-8"))
    keys = {tuple(result[name] for name in Case.__annotations__) for result in content["results"]}
    assert len(content["results"]) == len(keys)
    expected = cases(list(architectures()))
    assert keys == {(c.architecture, c.model, c.kind, c.precision) for c in expected}
    page = (root / "docs" / "plans.md").read_text(encoding="utf-8")
    assert page.endswith(f"{BEGIN}\n\n{render(content)}\n{END}\n")


def test_a_run_goes_on_where_it_stopped_and_tries_failures_again(tmp_path: Path) -> None:
    path, todo = tmp_path / "plans.json", cases(["hr18s_voc12"])
    built: list[Case] = []

    def build(case: Case) -> dict[str, Any]:
        if len(built) == 2:
            raise KeyboardInterrupt
        built.append(case)
        return FACTS if len(built) == 1 else {"error": "node /my/Mul: mixed types"}

    with pytest.raises(KeyboardInterrupt):
        run(path, HEADER, todo, build)
    assert [("error" in r) for r in json.loads(path.read_text())["results"]] == [False, True]
    built.clear()

    def build_all(case: Case) -> dict[str, Any]:
        built.append(case)
        return FACTS

    results = run(path, HEADER, todo, build_all)
    assert built == todo[1:]
    assert len(results) == len(todo)
    assert run(path, HEADER, todo, build) == results


def test_results_of_another_version_are_not_mixed(tmp_path: Path) -> None:
    path, todo = tmp_path / "plans.json", cases(["hr18s_voc12"])
    run(path, HEADER, todo, lambda _: FACTS)
    other = HEADER | {"versions": {"tensorrt_rtx": "1.8"}}
    with pytest.raises(ArtefactError, match=r"other versions.*1\.7.*not.*1\.8"):
        run(path, other, todo, lambda _: FACTS)


def test_a_failure_stands_in_the_table_with_the_parser_s_words(tmp_path: Path) -> None:
    case = {"architecture": "hr18s_voc12", "model": "a", "kind": "window"}
    results = [
        case | {"precision": "float32"} | FACTS,
        case | {"precision": "float16", "error": "node /my/Mul: mixed types"},
    ]
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\nAfter\n")
    write_page(page, HEADER | {"results": results})
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith(f"{END}\nAfter\n")
    assert "old" not in text
    assert "| hr18s_voc12 | window | 2686 | 0.09 | 0.9 | 31 | failed | – | – | – |" in text
    assert "hr18s_voc12, window, float16 failed: `node /my/Mul: mixed types`" in text
    assert "1 of 2 plans were built" in text
    assert "| hr18s_voc12 | a | b |" in text
    page.write_text(f"{END}\n{BEGIN}\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        around_table(page, COMMAND)
