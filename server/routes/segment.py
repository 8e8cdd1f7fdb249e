"""`POST /segment`: a picture in, an answer of the format of choice out."""

import json
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from ocrnet.cost import Cost, estimate
from ocrnet.formats import FORMATS
from ocrnet.formats.report import describe_plan
from ocrnet.pictures import inspect_picture
from ocrnet.pipeline import Job, make_job, run_job
from ocrnet.plan import plan_request
from ocrnet.threads import in_thread
from ocrnet.timings import Timings
from ocrnet.zoo import Size
from server.body import read_picture
from server.deadline import read_deadline
from server.disconnect import unless_gone
from server.limits import check_cost, limits_of
from server.models import ServedModel
from server.negotiation import accepted_format
from server.options import SegmentQuery, check_query
from server.routes.segment_schema import OPENAPI_EXTRA, RESPONSES
from server.settings import Settings
from server.state import Gateway

router = APIRouter()

_STAGES = (
    "admit", "receive", "inspect", "decode", "load", "resize", "engine", "stitch", "argmax",
    "encode",
)  # fmt: skip


@router.post(
    "/segment",
    summary="Segment a picture",
    response_class=Response,
    responses=RESPONSES,
    openapi_extra=OPENAPI_EXTRA,
    dependencies=[Depends(check_query)],  # before the parameters are looked at
)
async def post_segment(request: Request, query: Annotated[SegmentQuery, Query()]) -> Response:
    """Label every pixel of a JPEG, PNG or WebP picture.

    Send it as multipart field `image` or as the raw body. `Server-Timing` says how long each
    stage took.
    """
    gateway: Gateway = request.app.state.gateway
    settings = gateway.settings
    deadline = read_deadline(request.headers, settings.max_request_time)
    model = gateway.models.get(query.model)
    options = query.to_options(settings.max_side)
    asked = query.format or ("png" if query.dry_run else accepted_format(request.headers))
    answer = query.to_answer(asked)
    answer.check(model.spec)
    plan_request(Size(1, 1), model.spec, options)  # what is wrong whatever the picture's size
    facts = request.state.facts
    facts |= {"model": model.spec.name, "mode": options.mode, "format": answer.format}
    timings = Timings({"admit": time.perf_counter() - request.state.started})
    gateway.work.check()  # before a byte of the body is read
    async with deadline.limit():
        with gateway.uploads.slot():
            with timings.stage("receive"):
                data = await read_picture(request, settings.max_bytes, settings.body_timeout)
            with timings.stage("inspect"):
                header = await in_thread(inspect_picture, data, settings.picture_limits)
                job = make_job(header, model.spec, options, answer)
                cost = estimate(job)
        facts |= {"bytes": len(data), "size": str(header.size), "windows": job.plan.windows}
        if query.dry_run:
            body, media_type = _forecast(job, cost, settings), "application/json"
        else:
            check_cost(cost, settings)
            body = await unless_gone(request, _run(gateway, model, job, cost, timings))
            media_type = FORMATS[answer.format].media_type
    total = time.perf_counter() - request.state.started
    headers = {"Server-Timing": _server_timing(timings, total), "Vary": "Accept"}
    return Response(body, media_type=media_type, headers=headers)


async def _run(
    gateway: Gateway, model: ServedModel, job: Job, cost: Cost, timings: Timings
) -> bytes:
    """Hold a place until the work has ended, however it ends."""
    with gateway.work.slot(cost.bytes):
        try:
            with timings.stage("load"):
                engine = await model.engine()
            metered = gateway.metrics.metered(model.spec.name, engine)
            limit = gateway.settings.max_window_pixels
            if gateway.triton is None:
                return await run_job(job, metered, timings, batch_pixels=limit)
            async with gateway.triton.queue_apart(model.spec.name, timings):
                return await run_job(job, metered, timings, batch_pixels=limit)
        finally:
            gateway.metrics.segmented(model.spec.name, timings.seconds)


def _forecast(job: Job, cost: Cost, settings: Settings) -> bytes:
    """The answer of a dry run."""
    limits = limits_of(settings)
    figures = cost.as_dict()
    document = {
        "model": job.spec.name,
        "height": job.plan.picture.height,
        "width": job.plan.picture.width,
        **describe_plan(job.plan, job.options),
        "cost": figures,
        "limits": limits,
        "allowed": all(figures[name] <= limit for name, limit in limits.items()),
    }
    return json.dumps(document).encode()


def _server_timing(timings: Timings, total: float) -> str:
    seconds = {**dict.fromkeys(_STAGES, 0.0), **timings.seconds, "total": total}
    return ", ".join(f"{name};dur={value * 1000:.2f}" for name, value in seconds.items())
