"""The web application: routes, errors and models put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline

from ocrnet import __version__
from server import problems, validation
from server.gateway import build_gateway
from server.middleware import RequestMiddleware
from server.models import ServedModels
from server.responses import Problem
from server.routes import health, metrics, models, segment
from server.settings import Settings

_PAGE = Path(__file__).parent / "page"


def create_app(settings: Settings, served: ServedModels) -> FastAPI:
    """Build the gateway around models that are open; it closes them when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(gateway.triton.run()) if gateway.triton else None
        yield
        if watch:
            watch.cancel()
            await asyncio.wait([watch])
        await served.close()

    app = FastAPIOffline(
        title="OCRNet",
        version=__version__,
        summary="Semantic segmentation with OCRNet (HRNet-OCR)",
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the client's Host header
        lifespan=lifespan,
    )
    gateway = build_gateway(settings, served)
    app.state.gateway = gateway
    problems.install(app)
    app.add_exception_handler(RequestValidationError, validation.refuse)
    for routes in (segment, models, health, metrics):
        app.include_router(routes.router)
    app.mount("/page", StaticFiles(directory=_PAGE), name="page")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGE / "index.html")

    app.add_middleware(RequestMiddleware, metrics=gateway.metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        components["Problem"] = Problem.model_json_schema(mode="serialization")
        app.openapi_schema = schema
    return app.openapi_schema
