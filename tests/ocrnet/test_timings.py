from types import SimpleNamespace

import pytest

from ocrnet.timings import Timings


class _Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr("ocrnet.timings.time", SimpleNamespace(perf_counter=clock))
    return clock


def test_an_inner_stage_counts_for_itself_alone(clock: _Clock) -> None:
    timings = Timings()
    start = clock.now
    with timings.stage("outer"):
        clock.pass_(2)
        for _ in range(2):
            with timings.stage("inner"):
                clock.pass_(16)
                with timings.stage("innermost"):
                    clock.pass_(1)
    clock.pass_(64)  # in no stage
    with timings.stage("outer"):
        clock.pass_(8)
    assert list(timings.seconds.items()) == [("innermost", 2), ("inner", 32), ("outer", 10)]
    assert sum(timings.seconds.values()) == clock.now - start - 64


def _fail_after(seconds: float, clock: _Clock) -> None:
    clock.pass_(seconds)
    raise ValueError("no")


def test_a_stage_that_fails_is_counted_too(clock: _Clock) -> None:
    timings = Timings()
    with pytest.raises(ValueError, match="no"), timings.stage("a"):
        _fail_after(4, clock)
    with timings.stage("b"):
        clock.pass_(1)
    assert timings.seconds == {"a": 4, "b": 1}


def test_a_stage_within_one_that_fails_is_taken_off_it(clock: _Clock) -> None:
    timings = Timings()
    with pytest.raises(ValueError, match="no"), timings.stage("a"), timings.stage("b"):
        _fail_after(4, clock)
    assert timings.seconds == {"a": 0, "b": 4}
