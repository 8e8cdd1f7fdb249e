"""Intended send times and kinds: reproducible, of the stated rate and shares, bounded."""

from collections import Counter
from itertools import pairwise
from statistics import mean, pstdev

import cv2
import numpy as np
import pytest

from benchmarks.loadtest.arrivals import make_schedule
from benchmarks.loadtest.mixes import NAMED, RequestKind, parse_mix
from ocrnet.errors import InputError
from ocrnet.zoo import Size

STREET = parse_mix("street")


def test_a_seed_gives_the_same_arrivals_and_another_seed_others() -> None:
    one = make_schedule(10, 20, 2000, STREET, "poisson", "0, step 1")
    assert one == make_schedule(10, 20, 2000, STREET, "poisson", "0, step 1")
    assert one != make_schedule(10, 20, 2000, STREET, "poisson", "1, step 1")


@pytest.mark.parametrize("spacing", ["poisson", "even"])
def test_the_rate_is_the_stated_one(spacing: str) -> None:
    schedule = make_schedule(12.5, 20, 2000, STREET, spacing, "0")
    times = [arrival.at for arrival in schedule.arrivals]
    assert len(times) == 250
    assert schedule.rate == pytest.approx(12.5)
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < schedule.seconds == 20


def test_poisson_gaps_vary_as_much_as_they_last_and_even_ones_do_not() -> None:
    def gaps(spacing: str) -> list[float]:
        arrivals = make_schedule(100, 40, 4000, STREET, spacing, "0").arrivals
        return [after.at - before.at for before, after in pairwise(arrivals)]

    assert pstdev(gaps("poisson")) == pytest.approx(mean(gaps("poisson")), rel=0.05)
    assert pstdev(gaps("even")) < 1e-9


def test_the_bound_on_the_count_makes_a_step_shorter_not_slower() -> None:
    schedule = make_schedule(100, 20, 50, STREET, "poisson", "0")
    assert len(schedule.arrivals) == 50
    assert schedule.rate == pytest.approx(100)
    assert schedule.arrivals[-1].at < schedule.seconds == 0.5


def test_the_bound_on_the_time_holds_at_any_rate() -> None:
    for rate in (0.01, 0.07, 0.5, 1.49, 3):
        schedule = make_schedule(rate, 2, 2000, STREET, "even", "0")
        assert len(schedule.arrivals) == max(1, int(rate * 2))
        assert schedule.seconds <= 2


def test_kinds_have_their_shares_and_come_in_an_order_of_chance() -> None:
    kinds = [a.kind for a in make_schedule(10, 10, 2000, STREET, "even", "0").arrivals]
    assert Counter(map(str, kinds)) == {"512x1024:whole": 70, "1024x2048:slide": 30}
    assert kinds != [a.kind for a in make_schedule(10, 10, 2000, STREET, "even", "1").arrivals]


def test_mixes_are_read_and_every_named_one_is_one() -> None:
    assert parse_mix("64x96:whole=7, 32x32:slide=0.5") == {
        RequestKind(Size(64, 96), "whole"): 7,
        RequestKind(Size(32, 32), "slide"): 0.5,
    }
    for name in NAMED:
        assert parse_mix(name) == parse_mix(NAMED[name])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fast", "HEIGHTxWIDTH"),
        ("", "HEIGHTxWIDTH"),
        ("31x64:slide=1", "from 32 to 8192"),
        ("64x64=1", "the mode is ''"),
        ("64x64:both=1", "slide or whole"),
        ("64x64:slide", "the weight is ''"),
        ("64x64:slide=0", "above 0"),
        ("64x64:slide=nan", "above 0"),
        ("64x64:slide=inf", "above 0"),
        ("64x64:slide=1,64x64:slide=2", "twice"),
    ],
)
def test_what_is_no_mix_is_refused_with_what_would_be_one(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        parse_mix(text)
    assert "small, street" in str(refused.value)


def test_a_picture_is_a_png_of_its_size_and_always_the_same() -> None:
    kind = RequestKind(Size(40, 64), "whole")
    assert kind.picture() == kind.picture()
    decoded = cv2.imdecode(np.frombuffer(kind.picture(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.shape == (40, 64, 3)
    assert kind.picture().startswith(b"\x89PNG")
