"""`POST /segment`: a picture in, an answer of the format of choice out.

`post_segment` is the way of a request from its head to its answer, one step a line; `_Work` is the
part of it that a client may leave behind.
"""

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from ocrnet.concurrency import in_thread
from ocrnet.cost import Cost, estimate
from ocrnet.formats import FORMATS, AnswerOptions
from ocrnet.formats.report import describe_plan
from ocrnet.images import inspect_image
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import check_options
from ocrnet.pipeline import Job, make_job, run_job
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec
from server.body import read_picture
from server.deadline import read_deadline
from server.disconnect import unless_gone
from server.gateway import Gateway
from server.limits import check_cost, is_allowed, largest_cost
from server.models import ServedModel
from server.negotiation import accepted_format
from server.options import SegmentQuery, check_query_string
from server.responses import Forecast
from server.routes.segment_schema import OPENAPI_EXTRA, RESPONSES
from server.settings import Settings

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
    dependencies=[Depends(check_query_string)],  # before the parameters are looked at
)
async def post_segment(request: Request, query: Annotated[SegmentQuery, Query()]) -> Response:
    """Label every pixel of a JPEG, PNG or WebP picture.

    Send it as multipart field `image` or as the raw body. `Server-Timing` says how long each
    stage took.
    """
    gateway: Gateway = request.app.state.gateway
    deadline = read_deadline(request.headers, gateway.settings.max_request_time)
    model = gateway.models.get(query.model)
    options, answer = _parse_options(request, query, model.spec, gateway.settings)
    facts = request.state.facts
    facts |= {"model": model.spec.name, "mode": options.mode, "format": answer.format}
    timings = Timings({"admit": time.perf_counter() - request.state.started})
    gateway.work.check_room()  # before a byte of the body is read
    async with deadline.limit():
        data = await _receive(request, gateway, timings)
        facts["bytes"] = len(data)
        work = _Work(gateway, model, options, answer, timings, facts).run(data, dry=query.dry_run)
        del data  # the work lets go of it, too, once it has looked through it
        body = await unless_gone(request, work)
    media_type = "application/json" if query.dry_run else FORMATS[answer.format].media_type
    total = time.perf_counter() - request.state.started
    headers = {"Server-Timing": _server_timing(timings, total), "Vary": "Accept"}
    return Response(body, media_type=media_type, headers=headers)


def _parse_options(
    request: Request, query: SegmentQuery, spec: ModelSpec, settings: Settings
) -> tuple[SegmentOptions, AnswerOptions]:
    """How to segment and how to answer; raises what is wrong whatever the picture is."""
    options = query.to_options(settings.max_side)
    chosen = query.format or ("png" if query.dry_run else accepted_format(request.headers))
    answer = query.to_answer(chosen)
    answer.check_data_set(spec)
    check_options(spec, options)
    return options, answer


async def _receive(request: Request, gateway: Gateway, timings: Timings) -> bytes:
    """Read the body, in a place among those that arrive; raises Overloaded if all are taken."""
    settings = gateway.settings
    with gateway.uploads.slot(), timings.stage("receive"):
        return await read_picture(request, settings.max_bytes, settings.body_timeout)


@dataclass(frozen=True)
class _Work:
    """What a request does once its body is there; `facts` are those of its log line."""

    gateway: Gateway
    model: ServedModel
    options: SegmentOptions
    answer: AnswerOptions
    timings: Timings
    facts: dict[str, Any]

    async def run(self, data: bytes, *, dry: bool) -> bytes:
        """Hold a place until the work has ended, however it ends: looking through a file is work.

        dry: only say what the picture would take.
        """
        settings = self.gateway.settings
        # No more than all: what a picture takes is not known yet, and may be less than its file.
        with self.gateway.work.slot(min(len(data), settings.max_work_bytes)) as place:
            job, cost = await self._inspect_and_plan(data)
            if dry:
                return _forecast(job, cost, settings)
            check_cost(cost, settings)
            place.hold(cost.bytes)
            del data
            try:
                return await self._segment(job)
            finally:
                self.gateway.metrics.segmented(self.model.spec.name, self.timings.seconds)

    async def _inspect_and_plan(self, data: bytes) -> tuple[Job, Cost]:
        """What is to be done with the picture, and what that takes: not a pixel is decoded."""
        with self.timings.stage("inspect"):
            header = await in_thread(inspect_image, data, self.gateway.settings.picture_limits)
            job = make_job(header, self.model.spec, self.options, self.answer)
            cost = estimate(job)
        self.facts.update(size=str(header.size), windows=job.plan.windows)
        return job, cost

    async def _segment(self, job: Job) -> bytes:
        gateway, timings, name = self.gateway, self.timings, self.model.spec.name
        with timings.stage("load"):
            engine = await self.model.engine()
        metered = gateway.metrics.metered(name, engine)
        triton = gateway.triton
        async with triton.separate_queue_time(name, timings) if triton else nullcontext():
            limit = gateway.settings.max_window_pixels
            return await run_job(job, metered, timings, batch_pixels=limit)


def _forecast(job: Job, cost: Cost, settings: Settings) -> bytes:
    """The answer of a dry run."""
    forecast = Forecast(
        model=job.spec.name,
        height=job.plan.picture.height,
        width=job.plan.picture.width,
        **describe_plan(job.plan, job.options),
        cost=cost,
        limits=largest_cost(settings),
        allowed=is_allowed(cost, settings),
    )
    return json.dumps(forecast.model_dump()).encode()


def _server_timing(timings: Timings, total: float) -> str:
    seconds = {**dict.fromkeys(_STAGES, 0.0), **timings.seconds, "total": total}
    return ", ".join(f"{name};dur={value * 1000:.2f}" for name, value in seconds.items())
