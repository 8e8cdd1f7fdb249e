"""The gateway's side, read from its metrics: whether it is idle, and the batches behind it."""

import asyncio
from dataclasses import dataclass

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from ocrnet.errors import OcrnetError

_EVERY = 0.1  # second
_PATIENCE = 10.0  # seconds
# The gateway asks Triton once a second what it has done.
_TRITON_IS_ASKED = 1.5  # seconds


@dataclass(frozen=True)
class GatewayState:
    """held: requests arriving or in work. batches: Triton's runs and the pictures in them.

    batches is None where models run in the gateway's process.
    """

    held: int
    batches: tuple[int, int] | None


async def read_state(client: httpx2.AsyncClient) -> GatewayState:
    """Ask the gateway now. Raises OcrnetError if it cannot be reached or is none of ours."""
    try:
        answer = await client.get("/metrics", timeout=_PATIENCE)
        answer.raise_for_status()
    except httpx2.HTTPError as error:
        raise OcrnetError(
            f"the gateway's /metrics cannot be read: {error or type(error).__name__}"
        ) from error
    try:
        samples = [
            sample
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        ]
    except ValueError as error:
        raise OcrnetError(f"/metrics is not in Prometheus' format: {error}") from error
    held = [sample.value for sample in samples if sample.name == "ocrnet_requests_held"]
    if not held:
        raise OcrnetError("/metrics has no ocrnet_requests_held: this is no gateway of ours")
    if not any(sample.name == "ocrnet_triton_reachable" for sample in samples):
        return GatewayState(int(sum(held)), None)
    runs, pictures = (
        int(sum(one.value for one in samples if one.name == f"ocrnet_triton_batch_size_{what}"))
        for what in ("count", "sum")
    )
    return GatewayState(int(sum(held)), (runs, pictures))


async def wait_until_idle(client: httpx2.AsyncClient, seconds: float) -> GatewayState:
    """Return the state once nothing is held. Raises OcrnetError if that takes longer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (state := await read_state(client)).held:
        if loop.time() >= end:
            raise OcrnetError(
                f"the gateway still held {state.held} requests {seconds:g} s after the last "
                "answer: the next step would not start from an idle one"
            )
        await asyncio.sleep(_EVERY)
    if state.batches is None:
        return state
    await asyncio.sleep(_TRITON_IS_ASKED)
    return await read_state(client)
