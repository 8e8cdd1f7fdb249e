"""What the routes share."""

from dataclasses import dataclass

from server.admission import Admission
from server.metrics import Metrics
from server.models import ServedModels
from server.settings import Settings
from server.triton_watch import TritonWatch


@dataclass(frozen=True)
class Gateway:
    """Settings, models, admission and metrics of one running gateway, as `app.state.gateway`.

    triton: None where models run in this process.

    uploads: requests whose body is arriving; work: requests that are being segmented. Apart,
    so that slow senders cannot keep others from the engine.
    """

    settings: Settings
    models: ServedModels
    uploads: Admission
    work: Admission
    metrics: Metrics
    triton: TritonWatch | None


def build_gateway(settings: Settings, models: ServedModels) -> Gateway:
    """Put a gateway together, its admission shown in its metrics."""
    metrics = Metrics()
    uploads = Admission("arriving", settings.max_uploads, settings.retry_after)
    work = Admission(
        "in work",
        settings.max_requests,
        settings.retry_after,
        most_bytes=settings.max_work_bytes,
    )
    metrics.watch("arriving", lambda: uploads.taken)
    metrics.watch("in work", lambda: work.taken)
    watch = None
    if models.triton is not None:
        names = [model.spec.name for model in models]
        watch = TritonWatch(models.triton, names, on_restart=models.ask_triton)
        metrics.registry.register(watch)
    return Gateway(settings, models, uploads, work, metrics, watch)
