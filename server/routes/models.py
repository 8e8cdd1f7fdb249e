"""`GET /models`: what is served, and the facts about it."""

from typing import Any

from fastapi import APIRouter, Request

from server.models import describe
from server.problems import MEDIA_TYPE
from server.state import Gateway

router = APIRouter()


@router.get("/models", summary="List the models served here")
async def get_models(request: Request) -> dict[str, Any]:
    """Names and what tells them apart; the first is the default."""
    gateway: Gateway = request.app.state.gateway
    models = [describe(model) for model in gateway.models]
    short = ("name", "backbone", "dataset", "crop", "published")
    return {
        "default": models[0]["name"],
        "models": [{key: model[key] for key in short} for model in models],
    }


@router.get(
    "/models/{name}",
    summary="Describe one model",
    responses={
        404: {
            "description": "No such model here",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
)
async def get_model(request: Request, name: str) -> dict[str, Any]:
    """Classes with colours, crop and stride, graphs with their parity, published figures."""
    gateway: Gateway = request.app.state.gateway
    return describe(gateway.models.get(name))
