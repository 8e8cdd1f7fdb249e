"""`POST /segment`: a picture in, a mask out."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from ocrnet.errors import PictureTooLarge
from ocrnet.masks import class_shares, palette_png
from ocrnet.pictures import decode_picture
from ocrnet.segmenter import Segmentation, plan_request, segment
from ocrnet.timings import Timings
from ocrnet.windows import WindowPlan
from ocrnet.zoo import ModelSpec, Size
from server.body import read_picture
from server.disconnect import unless_gone
from server.options import SegmentQuery, refuse_repeated
from server.problems import MEDIA_TYPE
from server.settings import Settings
from server.state import Gateway

router = APIRouter()

_STAGES = ("receive", "decode", "resize", "engine", "stitch", "argmax", "encode")

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "string", "format": "binary"}},
                }
            },
            **dict.fromkeys(("image/jpeg", "image/png", "image/webp"), _BINARY),
            "application/octet-stream": _BINARY,
        },
    }
}
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask, of the picture's own size",
        "content": {"image/png": _BINARY, "application/json": {"schema": {"type": "object"}}},
    },
    404: {"description": "No such model here", **_PROBLEM},
    408: {"description": "The body took too long to arrive", **_PROBLEM},
    413: {"description": "Too many bytes, pixels or windows", **_PROBLEM},
    415: {"description": "Not a JPEG, PNG or WebP picture", **_PROBLEM},
    422: {"description": "A picture that does not decode, or a bad parameter", **_PROBLEM},
    503: {"description": "Too many requests in work; see Retry-After", **_PROBLEM},
}


@router.post(
    "/segment",
    summary="Segment a picture",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def post_segment(request: Request, query: Annotated[SegmentQuery, Query()]) -> Response:
    """Label every pixel of a JPEG, PNG or WebP picture.

    Send it as multipart field `image` or as the raw body. `Server-Timing` says how long each
    stage took.
    """
    gateway: Gateway = request.app.state.gateway
    settings = gateway.settings
    refuse_repeated(request.query_params.multi_items())
    model = gateway.models.get(query.model)
    options = query.to_options(settings.max_side)
    plan_request(Size(1, 1), model.spec, options)  # what is wrong whatever the picture's size
    timings = Timings()
    gateway.work.check()  # before a byte of the body is read
    with gateway.uploads.slot(), timings.stage("receive"):
        data = await read_picture(request, settings.max_bytes, settings.body_timeout)
    with gateway.work.slot():
        with timings.stage("decode"):
            image = await asyncio.to_thread(decode_picture, data, settings.picture_limits)
        plan = plan_request(Size(*image.shape[:2]), model.spec, options)
        _check_cost(plan, model.spec, settings)
        work = segment(image, model.spec, model.engine, options, timings)
        result = await unless_gone(request, work)
        with timings.stage("encode"):
            if query.format == "png":
                kind = "image/png"
                body = await asyncio.to_thread(palette_png, result.labels, model.spec.labels)
            else:
                kind = "application/json"
                body = await asyncio.to_thread(_report, result, model.spec, query)
    return Response(body, media_type=kind, headers={"Server-Timing": _server_timing(timings)})


def _check_cost(plan: WindowPlan, spec: ModelSpec, settings: Settings) -> None:
    if len(plan) > settings.max_windows:
        raise PictureTooLarge(
            f"this picture needs {len(plan)} windows of {plan.window}, "
            f"{settings.max_windows} are allowed: take a larger crop or stride",
            "too_many_windows",
            limit=settings.max_windows,
            actual=len(plan),
        )
    pixels = plan.window.height * plan.window.width
    if pixels > settings.max_window_pixels:
        raise PictureTooLarge(
            f"the engine would take {plan.window} = {pixels} pixels in one piece, "
            f"{settings.max_window_pixels} are allowed: take mode=slide, or a smaller crop",
            "window_too_large",
            limit=settings.max_window_pixels,
            actual=pixels,
        )
    logits = 4 * spec.classes * plan.held_cells(spec.output_stride)
    if logits > settings.max_logits_bytes and len(plan) > 1:
        raise PictureTooLarge(
            f"windows that overlap would hold {logits} bytes of logits at once, "
            f"{settings.max_logits_bytes} are allowed: take a larger stride or a smaller crop",
            "too_many_logits",
            limit=settings.max_logits_bytes,
            actual=logits,
        )


def _report(result: Segmentation, spec: ModelSpec, query: SegmentQuery) -> bytes:
    height, width = result.labels.shape
    document = {
        "model": spec.name,
        "height": height,
        "width": width,
        "mode": query.mode,
        "resize": query.resize,
        "plan": {
            "size": str(result.plan.picture),
            "window": str(result.plan.window),
            "windows": len(result.plan),
        },
        "classes": class_shares(result.labels, spec.labels),
        "milliseconds": {
            name: round(seconds * 1000, 2) for name, seconds in result.timings.seconds.items()
        },
    }
    return json.dumps(document).encode()


def _server_timing(timings: Timings) -> str:
    return ", ".join(f"{name};dur={timings.seconds.get(name, 0) * 1000:.2f}" for name in _STAGES)
