"""What the routes share."""

from dataclasses import dataclass

from server.admission import Admission
from server.models import ServedModels
from server.settings import Settings


@dataclass(frozen=True)
class Gateway:
    """Settings, models and admission of one running gateway, as `app.state.gateway`."""

    settings: Settings
    models: ServedModels
    admission: Admission
