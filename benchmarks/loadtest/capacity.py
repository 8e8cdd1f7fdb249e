"""What the gateway can do: one request of each kind alone, then a closed loop of clients."""

import asyncio
import hashlib
from dataclasses import dataclass

import httpx2

from benchmarks.loadtest.client import OK, Sample, Target, ask
from benchmarks.loadtest.mixes import Mix, RequestKind, turns
from ocrnet.errors import OcrnetError


@dataclass(frozen=True)
class Capacity:
    """Requests per second of the mix. requests, seconds: of the probe; 0 if it was stated."""

    per_second: float
    clients: int = 0
    requests: int = 0
    seconds: float = 0.0


async def first_answers(
    client: httpx2.AsyncClient, mix: Mix, timeout: float
) -> dict[RequestKind, Target]:
    """Ask for each kind once, alone: its answer is the one that all later ones must equal.

    timeout: of each request, in seconds. Raises OcrnetError for an answer that is no mask.
    """
    targets = {}
    for kind in mix:
        picture = kind.picture()
        headers = {"Content-Type": "image/png"}
        try:
            answer = await client.post(
                "/segment", params=kind.query, content=picture, headers=headers, timeout=timeout
            )
        except httpx2.HTTPError as error:
            raise OcrnetError(
                f"{kind}, alone, was not answered within {timeout:g} s: {type(error).__name__}; "
                "is it a gateway, and is --timeout long enough?"
            ) from error
        if answer.status_code != httpx2.codes.OK:
            raise OcrnetError(
                f"{kind}, alone, was answered with {answer.status_code}: {answer.text[:300]}"
            )
        targets[kind] = Target(kind, picture, hashlib.sha256(answer.content).hexdigest())
    return targets


async def measure_capacity(
    client: httpx2.AsyncClient,
    targets: dict[RequestKind, Target],
    mix: Mix,
    *,
    clients: int,
    seconds: float,
    timeout: float,
) -> Capacity:
    """Let `clients` ask one request after the other for `seconds`, and finish what they began.

    Raises OcrnetError if one request was not answered with its right mask.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    kinds = turns(mix)
    samples: list[Sample] = []
    bad: list[Sample] = []

    async def work() -> None:
        while (now := loop.time() - started) < seconds and not bad:
            sample = await ask(client, targets[next(kinds)], timeout, started, now)
            (samples if sample.code == OK else bad).append(sample)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(work())
    if bad:
        raise OcrnetError(
            f"with {clients} clients at once, {bad[0].kind} got '{bad[0].code}', so capacity was "
            "not measured: try fewer (--concurrency) if it was refused, longer (--timeout) if it "
            "was late, or state it (--capacity)"
        )
    # To the last answer, and all of them: counting to a moment would lose what is half done.
    elapsed = max(sample.done for sample in samples if sample.done is not None)
    return Capacity(len(samples) / elapsed, clients, len(samples), elapsed)
