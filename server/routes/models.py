"""`GET /models`: what is served, and the facts about it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from ocrnet.concurrency import in_thread
from ocrnet.formats.legend import palette_csv
from ocrnet.formats.report import describe_class
from ocrnet.zoo import DATASETS
from server.gateway import Gateway
from server.models import ServedModel
from server.problems import problem_response
from server.responses import ClassDescription, ModelDescription, ModelList, ModelSummary

router = APIRouter()


@router.get("/models", summary="List the models served here")
async def get_models(request: Request) -> ModelList:
    """Names and what tells them apart; requests that name none get the default."""
    gateway: Gateway = request.app.state.gateway
    models = [
        ModelSummary.model_validate(_describe(model), from_attributes=True)
        for model in gateway.models
    ]
    return ModelList(default=gateway.models.default, models=models)


_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: problem_response("No such model here")}


@router.get(
    "/models/{name}",
    summary="Describe one model",
    responses=_NOT_FOUND,
    response_model_exclude_unset=True,  # of the classes, label_id
)
async def get_model(request: Request, name: str) -> ModelDescription:
    """Classes with colours, crop and stride, graphs with parity, memory, weights, figures."""
    return _describe(_model(request, name))


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


def _describe(model: ServedModel) -> ModelDescription:
    spec, labels = model.spec, model.spec.labels
    return ModelDescription(
        name=spec.name,
        aliases=list(spec.aliases),
        backbone=spec.backbone,
        dataset=DATASETS[spec.dataset],
        crop=str(spec.crop),
        stride=str(spec.stride),
        output_stride=spec.output_stride,
        published=model.weights.figures(spec),
        weights=model.weights,
        precision=model.precision,
        loaded=model.loaded,
        memory_bytes=model.memory_bytes,
        legend=f"models/{spec.name}/legend.png",
        palette=f"models/{spec.name}/palette.csv",
        classes=[
            ClassDescription.model_validate(describe_class(labels, index))
            for index in range(spec.classes)
        ],
        graphs=model.graphs,
    )


def _model(request: Request, name: str) -> ServedModel:
    gateway: Gateway = request.app.state.gateway
    return gateway.models.get(name)
