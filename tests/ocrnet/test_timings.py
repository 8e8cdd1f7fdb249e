import time

import pytest

from ocrnet.timings import Timings


def test_an_inner_stage_counts_for_itself_alone() -> None:
    timings = Timings()
    start = time.perf_counter()
    with timings.stage("outer"):
        time.sleep(0.02)
        for _ in range(2):
            with timings.stage("inner"):
                time.sleep(0.02)
                with timings.stage("innermost"):
                    time.sleep(0.01)
    with timings.stage("outer"):
        time.sleep(0.02)
    passed = time.perf_counter() - start
    assert list(timings.seconds) == ["innermost", "inner", "outer"]
    assert sum(timings.seconds.values()) == pytest.approx(passed, abs=1e-3)
    assert timings.seconds["inner"] >= 0.04
    assert timings.seconds["innermost"] >= 0.02
    assert 0.04 <= timings.seconds["outer"] <= passed - 0.06


def test_a_stage_that_fails_is_counted_too() -> None:
    timings = Timings()
    with pytest.raises(ValueError, match="no"), timings.stage("a"):
        raise ValueError("no")
    with timings.stage("b"):
        pass
    assert timings.seconds.keys() == {"a", "b"}
