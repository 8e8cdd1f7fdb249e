"""Figures against ones worked out by hand, and how the table says them."""

import pytest

from benchmarks.loadtest.client import Sample
from benchmarks.loadtest.load_steps import Step
from benchmarks.loadtest.report import heading, row
from benchmarks.loadtest.summary import Spread, spread, summarise


def _sample(intended: float, seconds: float | None, code: str, late: float = 0.0) -> Sample:
    if seconds is None:
        return Sample("k", intended, None, None, None, code)
    return Sample("k", intended, intended + late, intended + seconds, 200, code)


SAMPLES = [
    _sample(0, 1.0, "ok", late=0.001),
    _sample(1, 2.0, "ok", late=0.002),
    _sample(2, 6.0, "ok", late=0.003),  # done last, at 8
    _sample(2, 0.010, "overloaded"),
    _sample(3, 0.030, "overloaded"),
    _sample(3, 3.0, "deadline_exceeded"),
    _sample(3, 30.0, "timeout"),
    _sample(3.5, 1.0, "wrong_mask"),
    _sample(3.6, 0.5, "connection"),
    _sample(3.9, None, "not_sent"),
]


def test_percentiles_are_nearest_ranks() -> None:
    assert spread(n / 1000 for n in range(200, 0, -1)) == Spread(100, 190, 198, 200)
    assert spread([None, 0.5]) == Spread(500, 500, 500, 500)
    assert spread([None]) is None


def test_a_step_is_summed_up() -> None:
    found = summarise(SAMPLES, seconds=4, deadline=5)
    assert (found.requests, found.offered) == (10, 2.5)
    assert found.answered == 3 / 8, "until the last mask, at 8 s"
    assert found.goodput == 2 / 8, "one took 6 s, the deadline is 5"
    assert found.latency == Spread(2000, 6000, 6000, 6000)
    assert (found.refused, found.refused_per_second, found.refused_share) == (2, 0.5, 0.2)
    assert found.refusal is not None
    assert (found.refusal.p50, found.refusal.p99) == pytest.approx((10, 30))
    assert (found.timeouts, found.wrong, found.errors, found.not_sent) == (2, 1, 1, 1)
    assert found.late is not None
    assert found.late.max == pytest.approx(3)
    assert found.codes == {
        "connection": 1,
        "deadline_exceeded": 1,
        "not_sent": 1,
        "ok": 3,
        "overloaded": 2,
        "timeout": 1,
        "wrong_mask": 1,
    }
    assert "not_sent" not in found.spreads
    assert found.spreads["timeout"].p50 == 30_000


def test_a_step_whose_masks_come_early_lasts_as_long_as_its_sending() -> None:
    found = summarise([_sample(0, 1, "ok")], seconds=4, deadline=5)
    assert found.answered == found.goodput == found.offered == 0.25


def test_a_step_without_a_mask_has_no_latency() -> None:
    found = summarise([_sample(0, None, "not_sent")], seconds=2, deadline=5)
    assert found.latency is found.refusal is found.late is None
    assert found.answered == 0


def test_a_row_stands_under_its_heading_and_says_what_figures_hide() -> None:
    summary = summarise(SAMPLES, seconds=4, deadline=5)
    line, *remarks = row(Step(1.5, SAMPLES, summary, 300_000_000, (4, 10))).splitlines()
    cells = line.split()
    assert cells == [
        "1.5×", "2.50", "0.38", "0.25", "2000", "6000", "6000", "20.0%", "10", "5", "3.0", "300",
        "2.50",
    ]  # fmt: skip
    assert len(line) == len(heading())
    assert [text.strip() for text in remarks] == [
        "errors: 1 connection, 1 deadline_exceeded, 1 not_sent, 1 timeout, 1 wrong_mask"
    ]


def test_a_late_client_is_said() -> None:
    samples = [_sample(0, 1.0, "ok", late=0.25)]
    text = row(Step(1, samples, summarise(samples, 1, 5), None, None))
    assert "the client was late by p99 250 ms" in text
    assert text.splitlines()[0].split()[-2:] == ["–", "–"], "no memory, no batches"
