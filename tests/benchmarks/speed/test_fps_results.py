"""Results as JSON: what was written before is read, and what is written stays as it was."""

import json
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.speed.case import ARITHMETICS, ENGINES, Case
from benchmarks.speed.fps_results import Failure, FpsResult, FpsRun, Measurement
from benchmarks.speed.runner import LabelsBy

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


def test_stored_rows_say_what_was_computed_by_whom(root: Path) -> None:
    """By today's names, also where they were measured under others."""
    rows = []
    for file in sorted((root / "docs" / "data").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        if file.stem.startswith("fps-") or file.stem.endswith("-onnxruntime"):
            rows += content["results"]
        elif file.stem.startswith("gpu-acceptance-"):
            steps = [step for step in content["steps"] if step["kind"] == "fps"]
            rows += [row for step in steps for row in step["results"]]
    assert len(rows) > 40
    for row in rows:
        assert row["engine"] in ENGINES
        assert row["precision"] in ARITHMETICS
        assert row["labels_by"] in get_args(LabelsBy)
        on_gpu = row["labels_by"] == "torch on GPU"
        if row["engine"] == "torch" and on_gpu:  # its default there is TF32
            assert row["precision"] in ("tf32", "float16")


def test_a_failure_is_a_row_with_an_error_and_no_figures() -> None:
    case = Case("hr18s_voc12", "a", "torch", "float32", "plain", "whole", 1, 1, 512, 683)
    row = vars(case) | Failure("not enough memory").to_json()
    result = FpsResult.from_json(row)
    assert result == FpsResult(case, Failure("not enough memory"))
    assert (result.error, result.measured) == ("not enough memory", None)


def test_a_result_without_its_figures_is_refused() -> None:
    with pytest.raises(TypeError, match="fps"):
        Measurement.from_json({"weights": "demo"})
