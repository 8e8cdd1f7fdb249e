"""When each request is to be sent, decided before the first one is."""

import random
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from benchmarks.loadtest.mixes import Mix, RequestKind, turns

Spacing = Literal["poisson", "even"]


@dataclass(frozen=True)
class Arrival:
    """One request. at: its intended send time, in seconds after the step's start."""

    at: float
    kind: RequestKind


@dataclass(frozen=True)
class Schedule:
    """A step's requests, by time. seconds: what they are spread over."""

    arrivals: tuple[Arrival, ...]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.arrivals) / self.seconds


def make_schedule(
    rate: float, seconds: float, most: int, mix: Mix, spacing: Spacing, seed: str
) -> Schedule:
    """Plan requests at `rate` per second for at most `seconds` and at most `most` of them.

    There is at least one. The same seed gives the same schedule. Kinds have the mix's shares as
    nearly as the count allows, in an order of chance. `poisson` is that process given its count,
    so the rate is the stated one and not merely so on average; `even` has equal gaps.
    """
    dice = random.Random(seed)
    count = max(1, min(most, int(rate * seconds + 1e-9)))
    spread = min(seconds, count / rate)
    if spacing == "even":
        times = [spread * number / count for number in range(count)]
    else:
        # Given how many there are, a Poisson process' points are uniform and independent.
        times = sorted(spread * dice.random() for _ in range(count))
    kinds = list(islice(turns(mix), count))
    dice.shuffle(kinds)
    return Schedule(tuple(map(Arrival, times, kinds)), spread)
