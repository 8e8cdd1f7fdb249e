"""Probes: is the process alive, can it serve now."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from server.gateway import Gateway
from server.responses import Liveness, Readiness

router = APIRouter(prefix="/health")


@router.get("/live", summary="The process is alive")
async def live() -> Liveness:
    """Always 200 while the event loop runs."""
    return Liveness(status="live")


@router.get(
    "/ready",
    summary="Requests can be served",
    responses={503: {"model": Readiness, "description": "Triton or the GPU is lost"}},
)
async def ready(request: Request, response: Response) -> Readiness:
    """200 once requests can be served, 503 while Triton cannot be reached.

    Also 503, until a restart, once a model's GPU has stopped working. The gateway answers nothing
    before its models are loaded.
    """
    gateway: Gateway = request.app.state.gateway
    if gateway.triton is not None and not gateway.triton.reachable:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Readiness(status="triton_unreachable")
    if any(model.device_lost for model in gateway.models):
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return Readiness(status="gpu_lost")
    return Readiness(status="ready")
