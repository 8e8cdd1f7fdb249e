"""`GET /models`: what is served, and the facts about it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from ocrnet.concurrency import in_thread
from ocrnet.formats.legend import palette_csv
from server.gateway import Gateway
from server.models import ServedModel, describe
from server.problems import MEDIA_TYPE

router = APIRouter()


@router.get("/models", summary="List the models served here")
async def get_models(request: Request) -> dict[str, Any]:
    """Names and what tells them apart; requests that name none get the default."""
    gateway: Gateway = request.app.state.gateway
    models = [describe(model) for model in gateway.models]
    short = (
        "name", "backbone", "dataset", "crop", "published", "weights", "precision", "loaded",
    )  # fmt: skip
    return {
        "default": gateway.models.default,
        "models": [{key: model[key] for key in short} for model in models],
    }


_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {
        "description": "No such model here",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


@router.get("/models/{name}", summary="Describe one model", responses=_NOT_FOUND)
async def get_model(request: Request, name: str) -> dict[str, Any]:
    """Classes with colours, crop and stride, graphs with parity, memory, weights, figures."""
    return describe(_model(request, name))


@router.get(
    "/models/{name}/legend.png",
    summary="Draw a model's classes and colours",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **_NOT_FOUND},
)
async def get_legend(request: Request, name: str) -> Response:
    """A swatch, the index and the name of every class."""
    model = _model(request, name)
    return Response(await in_thread(lambda: model.legend), media_type="image/png")


@router.get(
    "/models/{name}/palette.csv",
    summary="List a model's classes and colours as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, **_NOT_FOUND},
)
async def get_palette(request: Request, name: str) -> Response:
    """index, name, r, g, b and, for Cityscapes, label_id."""
    return Response(palette_csv(_model(request, name).spec.labels), media_type="text/csv")


def _model(request: Request, name: str) -> ServedModel:
    gateway: Gateway = request.app.state.gateway
    return gateway.models.get(name)
