"""Results as JSON: what was written before is read, and what is written stays as it was."""

import json
from pathlib import Path

import pytest

from benchmarks.speed.case import Case
from benchmarks.speed.fps_results import Failure, FpsResult, FpsRun, Measurement

# Not in the files from before they were measured.
NEWER = ("gpu_used_mb", "served_precision", "compile_seconds")


@pytest.mark.parametrize("name", ["fps-cpu", "fps-h200", "gpu-acceptance-h200-onnxruntime"])
def test_files_that_are_there_are_read_and_would_be_written_alike(root: Path, name: str) -> None:
    content = json.loads((root / "docs" / "data" / f"{name}.json").read_text(encoding="utf-8"))
    run = FpsRun.from_json(content)
    header = {key: value for key, value in content.items() if key not in ("results", "parity")}
    assert json.dumps(run.header()) == json.dumps(header)
    assert len(run.results) == len(content["results"])
    for result, row in zip(run.results, content["results"], strict=True):
        assert result.measured is not None
        written = vars(result.case) | result.measured.to_json()
        assert [key for key in written if key in row] == list(row)
        assert {key: written[key] for key in row} == row
        assert all(written[key] is None for key in written.keys() - row.keys())
        assert written.keys() - row.keys() <= set(NEWER)


def test_a_failure_is_a_row_with_an_error_and_no_figures() -> None:
    case = Case("hr18s_voc12", "a", "torch", "float32", "plain", "whole", 1, 1, 512, 683)
    row = vars(case) | Failure("not enough memory").to_json()
    result = FpsResult.from_json(row)
    assert result == FpsResult(case, Failure("not enough memory"))
    assert (result.error, result.measured) == ("not enough memory", None)


def test_a_result_without_its_figures_is_refused() -> None:
    with pytest.raises(TypeError, match="fps"):
        Measurement.from_json({"weights": "demo"})
