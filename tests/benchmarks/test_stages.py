"""Tables of requests, engine settings and passes, from samples that were measured."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.engine_settings import table as settings_table
from benchmarks.labels import Request
from benchmarks.labels import table as labels_table
from benchmarks.passes import Savings
from benchmarks.passes import table as passes_table
from benchmarks.stages import table, unaccounted


def _request(engine: float, argmax: float, total: float, client: float) -> dict[str, float]:
    return {"admit": 0.01, "engine": engine, "argmax": argmax, "total": total, "client": client}


def test_what_stages_leave_of_the_clients_time() -> None:
    assert unaccounted(_request(80, 10, 91, 100)) == pytest.approx(0.0999)


def test_a_row_has_medians_and_the_shares_of_each_request() -> None:
    requests = {
        "whole": [_request(90, 5, 96, 100), _request(180, 5, 186, 200), _request(95, 4, 99, 100)],
        "slide": [_request(900, 50, 990, 1000)],
    }
    found = table(requests)
    # `admit` takes less than a tenth of a millisecond in both: it has no column.
    assert found.head == ["", "engine", "argmax", "client saw", "outside engine", "unaccounted"]
    assert found.rows == [
        ["whole", "95.0", "5.0", "100", "10.0%", "5.0%"],
        ["slide", "900.0", "50.0", "1000", "10.0%", "5.0%"],
    ]


def test_a_row_has_medians_of_what_one_output_moves_and_computes() -> None:
    by_logits = [Request(11_000_000, 0.09, 0.03, 5), Request(11_000_002, 0.1, 0.04, 6)]
    by_labels = [Request(8_000_000, 0.05, 0.0, 5, 4.321)]
    found = labels_table({"Triton": {"logits": by_logits}, "in process": {"labels": by_labels}})
    assert found.head[2:] == ["MB moved", "CPU ms", "argmax ms", "engine CPU s"]
    assert found.rows == [
        ["Triton", "logits", "11.0", "95", "35", "–"],
        ["in process", "labels", "8.0", "50", "0", "4.32"],
    ]


def test_settings_are_set_against_the_first_by_the_window() -> None:
    found = settings_table("OpenVINO", {"default": [4.0, 4.0, 9.0], "2 streams": [2.0]}, 4)
    assert found.rows == [["default", "1000", "1.00"], ["2 streams", "500", "2.00"]]


def test_passes_that_were_measured_are_read_and_shown(root: Path) -> None:
    stored = json.loads((root / "docs" / "data" / "passes.json").read_text(encoding="utf-8"))
    for result in stored["results"]:
        savings = Savings(**result)
        assert asdict(savings) == result
        rows = passes_table(savings).rows
        assert [row[0] for row in rows] == list(result["gmac"])
        assert rows[0][3] == rows[0][5] == "1.00"  # plain, against itself
