"""`GET /metrics`: what Prometheus reads."""

from fastapi import APIRouter, Request, Response

from server.gateway import Gateway
from server.metrics import MEDIA_TYPE

router = APIRouter()


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(request: Request) -> Response:
    """Requests by route and status, refusals by code, stages, windows, queue, memory."""
    gateway: Gateway = request.app.state.gateway
    return Response(gateway.metrics.exposition(), media_type=MEDIA_TYPE)
