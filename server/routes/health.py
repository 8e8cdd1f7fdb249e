"""Probes: is the process alive, can it serve now."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from server.gateway import Gateway

router = APIRouter(prefix="/health")


@router.get("/live", summary="The process is alive")
async def live() -> dict[str, str]:
    """Always 200 while the event loop runs."""
    return {"status": "live"}


@router.get(
    "/ready",
    summary="Requests can be served",
    responses={503: {"description": "Triton cannot be reached"}},
)
async def ready(request: Request) -> JSONResponse:
    """200 once requests can be served, 503 while Triton cannot be reached.

    The gateway answers nothing before its models are loaded.
    """
    gateway: Gateway = request.app.state.gateway
    if gateway.triton is not None and not gateway.triton.reachable:
        return JSONResponse({"status": "triton_unreachable"}, HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "ready"})
