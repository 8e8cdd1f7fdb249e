"""What is counted, for Prometheus. Names follow its conventions: seconds, `_total`."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from ocrnet.engines import Engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.zoo import Size
from server.logs import AnsweredRequest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one gateway. Every label has few values: no client can invent one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        ProcessCollector(registry=own)
        self._requests = Counter(
            "ocrnet_requests", "Requests answered", ["route", "method", "status"], registry=own
        )
        self._refusals = Counter(
            "ocrnet_refusals", "Requests answered with a problem document", ["code"], registry=own
        )
        self._latency = Histogram(
            "ocrnet_request_seconds",
            "From the head read to the answer handed over",
            ["route"],
            buckets=_SECONDS,
            registry=own,
        )
        self._stages = Histogram(
            "ocrnet_stage_seconds",
            "Time in a stage",
            ["model", "stage"],
            buckets=_SECONDS,
            registry=own,
        )
        self._windows = Counter(
            "ocrnet_windows", "Windows through the engine", ["model"], registry=own
        )
        self._queue = Gauge(
            "ocrnet_engine_queue", "Engine calls under way or waiting", ["model"], registry=own
        )
        self._places = Gauge("ocrnet_requests_held", "Requests at a stage", ["stage"], registry=own)

    def answered(self, request: AnsweredRequest) -> None:
        """Count one request."""
        method = request.method if request.method in _METHODS else "other"
        self._requests.labels(request.route, method, str(request.status)).inc()
        self._latency.labels(request.route).observe(request.seconds)
        if request.code is not None:
            self._refusals.labels(request.code).inc()

    def segmented(self, model: str, stages: dict[str, float]) -> None:
        """Record how long each stage of a request took, in seconds."""
        for stage, seconds in stages.items():
            self._stages.labels(model, stage).observe(seconds)

    def watch(self, stage: str, taken: Callable[[], float]) -> None:
        """Show how many requests are at a stage, whenever the metrics are read."""
        self._places.labels(stage).set_function(taken)

    def metered(self, model: str, engine: Engine) -> Engine:
        """Return the engine with its calls counted."""
        return _MeteredEngine(engine, self._windows.labels(model), self._queue.labels(model))

    def exposition(self) -> bytes:
        """Every metric in Prometheus' text format."""
        return generate_latest(self.registry)


class _MeteredEngine:
    def __init__(self, engine: Engine, windows: Counter, queue: Gauge):
        self._engine = engine
        self._windows = windows
        self._queue = queue

    def outputs(self, size: Size) -> frozenset[str]:
        return self._engine.outputs(size)

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        with self._queue.track_inprogress():
            result = await self._engine.infer(images, output)
        self._windows.inc(len(images))
        return result

    async def close(self) -> None:
        await self._engine.close()
