"""What a step's samples come to."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.loadtest.client import NOT_SENT, OK, TIMEOUT, WRONG_MASK, Sample

REFUSED = "overloaded"
_TIMEOUTS = frozenset({TIMEOUT, "deadline_exceeded"})


@dataclass(frozen=True)
class Spread:
    """Milliseconds; percentiles are nearest ranks, so each is one that was measured."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class Summary:
    """A step in figures. What is per second is a float; counts are of requests.

    offered, refused_per_second: per second of sending. answered, goodput: right masks, and those
    within the deadline, per second until the last mask, or of sending if that took longer: both
    ends of a step are then part of it. latency: of right masks, from the intended send time;
    refusal: the same of refusals. late: how late the client was.
    errors: all else but timeouts, wrong masks and what was not sent. codes: all outcomes.
    """

    requests: int
    seconds: float
    offered: float
    answered: float
    goodput: float
    latency: Spread | None
    refused: int
    refused_per_second: float
    refusal: Spread | None
    errors: int
    timeouts: int
    wrong: int
    not_sent: int
    late: Spread | None
    codes: dict[str, int]
    spreads: dict[str, Spread]

    @property
    def refused_share(self) -> float:
        """Of all requests of the step, 0 to 1."""
        return self.refused / self.requests


def spread(seconds: Iterable[float | None]) -> Spread | None:
    """Return percentiles in milliseconds of values in seconds; None if there are none."""
    values = [value for value in seconds if value is not None]
    if not values:
        return None
    ranks = np.percentile(1000 * np.asarray(values), (50, 95, 99, 100), method="inverted_cdf")
    return Spread(*(float(value) for value in ranks))


def summarise(samples: Sequence[Sample], seconds: float, deadline: float) -> Summary:
    """Sum up one step.

    seconds: that its requests were spread over. deadline: in seconds from the intended send time,
    within which a mask counts as goodput.
    """
    codes = Counter(sample.code for sample in samples)
    right = [sample for sample in samples if sample.code == OK]
    latencies = [one.latency for one in right if one.latency is not None]
    busy = max([seconds, *(one.done for one in right if one.done is not None)])
    timeouts = sum(codes[code] for code in _TIMEOUTS)
    known = codes[OK] + codes[WRONG_MASK] + codes[REFUSED] + codes[NOT_SENT] + timeouts
    by_code = {code: spread(one.latency for one in samples if one.code == code) for code in codes}
    return Summary(
        requests=len(samples),
        seconds=seconds,
        offered=len(samples) / seconds,
        answered=len(right) / busy,
        goodput=sum(latency <= deadline for latency in latencies) / busy,
        latency=by_code.get(OK),
        refused=codes[REFUSED],
        refused_per_second=codes[REFUSED] / seconds,
        refusal=by_code.get(REFUSED),
        errors=len(samples) - known,
        timeouts=timeouts,
        wrong=codes[WRONG_MASK],
        not_sent=codes[NOT_SENT],
        late=spread(sample.late for sample in samples),
        codes=dict(sorted(codes.items())),
        spreads={code: found for code, found in sorted(by_code.items()) if found is not None},
    )
