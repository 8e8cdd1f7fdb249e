"""What Triton says of its own work: for the metrics, the probe and a request's Server-Timing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from tritonclient.utils import InferenceServerException

from ocrnet.engines.triton import TritonConnection
from ocrnet.timings import Timings

_EVERY = 1.0  # second
_PATIENCE = 2.0  # seconds
_RECOUNT_AFTER = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)  # seconds


@dataclass(frozen=True)
class ModelStatistics:
    """What Triton has done of one of its models since it loaded it.

    batches: how many runs there were of each batch size. Seconds are over requests, each one's own.
    """

    requests: int = 0
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0
    batches: dict[int, int] = field(default_factory=dict)


class TritonWatch(Collector):
    """Asks Triton once a second whether it is ready and what it has done."""

    def __init__(
        self,
        connection: TritonConnection,
        models: list[str],
        on_restart: Callable[[], Awaitable[None]],
    ):
        """models: of the zoo; each one's graphs are Triton models of their own.

        on_restart: awaited when Triton has come back, or has loaded a model anew.
        """
        self._on_restart = on_restart
        self._connection = connection
        self._models = models
        self.reachable = True  # the gateway has just asked it what it serves
        self._statistics: dict[str, ModelStatistics] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                before, self._statistics = self._statistics, await self.statistics()
                client = self._connection.client()
                was, self.reachable = (
                    self.reachable,
                    await client.is_server_ready(client_timeout=_PATIENCE),
                )
                if self.reachable and (not was or _counts_anew(before, self._statistics)):
                    await self._on_restart()
            except InferenceServerException:
                self.reachable = False
            await asyncio.sleep(_EVERY)

    async def statistics(self) -> dict[str, ModelStatistics]:
        """Ask now; by the names of Triton's models. Raises InferenceServerException."""
        client = self._connection.client()
        answer = await client.get_inference_statistics(client_timeout=_PATIENCE)
        return {one.name: _statistics(one) for one in answer.model_stats if self._is_ours(one.name)}

    @asynccontextmanager
    async def separate_queue_time(self, model: str, timings: Timings) -> AsyncIterator[None]:
        """Move the queue's share of what the block spends in stage `engine` to stage `queue`.

        Triton tells it for a model as a whole: the share is that of all requests to the model's
        graphs that were answered during the block, others' among them.
        """
        asking = asyncio.create_task(self._total(model))  # meanwhile the picture is decoded
        try:
            yield
            with timings.stage("engine"):
                before, after = await asking, await self._total(model)
                for pause in _RECOUNT_AFTER:  # a back end may answer before it counts
                    if before is None or after is None or after.requests > before.requests:
                        break
                    await asyncio.sleep(pause)
                    after = await self._total(model)
        finally:
            asking.cancel()
        if before is None or after is None:
            return
        queue = after.queue_seconds - before.queue_seconds
        compute = after.compute_seconds - before.compute_seconds
        if queue > 0 and compute > 0 and "engine" in timings.seconds:
            waited = timings.seconds["engine"] * queue / (queue + compute)
            timings.seconds["engine"] -= waited
            timings.seconds["queue"] = timings.seconds.get("queue", 0.0) + waited

    async def _total(self, model: str) -> ModelStatistics | None:
        """What all graphs of one model have done; None if Triton does not say."""
        try:
            graphs = await self.statistics()
        except InferenceServerException:
            return None  # the request itself will say what is wrong
        ours = [one for name, one in graphs.items() if name.rpartition("_")[0] == model]
        return ModelStatistics(
            sum(one.requests for one in ours),
            sum(one.queue_seconds for one in ours),
            sum(one.compute_seconds for one in ours),
        )

    def _is_ours(self, name: str) -> bool:
        return name.rpartition("_")[0] in self._models

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        reachable = GaugeMetricFamily(
            "ocrnet_triton_reachable", "1 if Triton says that it is ready, else 0"
        )
        reachable.add_metric([], float(self.reachable))
        yield reachable
        batches = HistogramMetricFamily(
            "ocrnet_triton_batch_size", "Images in a run of a Triton model", labels=["graph"]
        )
        queue = CounterMetricFamily(
            "ocrnet_triton_queue_seconds", "That requests waited in Triton", labels=["graph"]
        )
        compute = CounterMetricFamily(
            "ocrnet_triton_compute_seconds", "That Triton computed for requests", labels=["graph"]
        )
        requests = CounterMetricFamily(
            "ocrnet_triton_requests", "That Triton answered", labels=["graph"]
        )
        for name, done in self._statistics.items():
            batches.add_metric([name], *_histogram(done.batches))
            queue.add_metric([name], done.queue_seconds)
            compute.add_metric([name], done.compute_seconds)
            requests.add_metric([name], done.requests)
        yield from (batches, queue, compute, requests)


def _counts_anew(before: dict[str, ModelStatistics], after: dict[str, ModelStatistics]) -> bool:
    """Whether a model has done less than before: Triton counts from its loading on."""
    both = before.keys() & after.keys()
    return any(after[name].requests < before[name].requests for name in both)


def _statistics(model: Any) -> ModelStatistics:
    took = model.inference_stats
    compute = took.compute_input.ns + took.compute_infer.ns + took.compute_output.ns
    return ModelStatistics(
        requests=took.success.count,
        queue_seconds=took.queue.ns / 1e9,
        compute_seconds=compute / 1e9,
        batches={one.batch_size: one.compute_infer.count for one in model.batch_stats},
    )


def _histogram(batches: dict[int, int]) -> tuple[list[tuple[str, float]], float]:
    """Buckets that count up, and the sum of all batch sizes."""
    edges = [1, 2, 4, 8, 16, 32]
    buckets = [
        (str(edge), float(sum(runs for size, runs in batches.items() if size <= edge)))
        for edge in edges
    ]
    buckets.append(("+Inf", float(sum(batches.values()))))
    return buckets, float(sum(size * runs for size, runs in batches.items()))
