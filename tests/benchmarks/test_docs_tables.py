"""The tables of docs/ are what the checked-in results say."""

from benchmarks.docs_tables import DOCS, results
from benchmarks.lib.pages import END, begin
from benchmarks.speed.results_page import COMMAND, render


def test_the_results_page_is_what_the_command_writes() -> None:
    run, miou, gpus = results()
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    assert page.endswith(f"{begin(COMMAND)}\n\n{render(run, miou, gpus)}\n{END}\n")
    assert {result.case.architecture for result in run.results} == set(run.models)
    assert page.count("python benchmarks/fps.py --device") >= 2
