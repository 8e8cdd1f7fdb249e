"""Probes: is the process alive, can it serve now."""

from fastapi import APIRouter

router = APIRouter(prefix="/health")


@router.get("/live", summary="The process is alive")
async def live() -> dict[str, str]:
    """Always 200 while the event loop runs."""
    return {"status": "live"}


@router.get("/ready", summary="Requests can be served")
async def ready() -> dict[str, str]:
    """200 once requests can be served; the gateway answers nothing before that."""
    return {"status": "ready"}
