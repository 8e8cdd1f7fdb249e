"""What the routes share."""

from dataclasses import dataclass

from server.admission import Admission
from server.models import ServedModels
from server.settings import Settings


@dataclass(frozen=True)
class Gateway:
    """Settings, models and admission of one running gateway, as `app.state.gateway`.

    uploads: requests whose body is arriving; work: requests that are being segmented. Apart,
    so that slow senders cannot keep others from the engine.
    """

    settings: Settings
    models: ServedModels
    uploads: Admission
    work: Admission
