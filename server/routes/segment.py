"""`POST /segment`: a picture in, an answer of the format of choice out."""

import json
import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from ocrnet.concurrency import in_thread
from ocrnet.formats import FORMATS, AnswerOptions
from ocrnet.formats.report import describe_plan
from ocrnet.images import inspect_image
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.pipeline import Cost, Job, estimate, make_job, run_job
from ocrnet.timings import Timings
from ocrnet.zoo import Size
from server.body import read_picture
from server.deadline import read_deadline
from server.disconnect import unless_gone
from server.gateway import Gateway
from server.limits import check_cost, limits_of
from server.models import ServedModel
from server.negotiation import accepted_format
from server.options import SegmentQuery, check_query
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
        with gateway.uploads.slot(), timings.stage("receive"):
            data = await read_picture(request, settings.max_bytes, settings.body_timeout)
        facts["bytes"] = len(data)
        work = _Work(gateway, model, options, answer, timings, facts).run(data, dry=query.dry_run)
        del data  # the work lets go of it, too, once it has looked through it
        body = await unless_gone(request, work)
    media_type = "application/json" if query.dry_run else FORMATS[answer.format].media_type
    total = time.perf_counter() - request.state.started
    headers = {"Server-Timing": _server_timing(timings, total), "Vary": "Accept"}
    return Response(body, media_type=media_type, headers=headers)


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
            with self.timings.stage("inspect"):
                header = await in_thread(inspect_image, data, settings.picture_limits)
                job = make_job(header, self.model.spec, self.options, self.answer)
                cost = estimate(job)
            self.facts.update(size=str(header.size), windows=job.plan.windows)
            if dry:
                return _forecast(job, cost, settings)
            check_cost(cost, settings)
            place.hold(cost.bytes)
            del data
            try:
                return await self._segment(job)
            finally:
                self.gateway.metrics.segmented(self.model.spec.name, self.timings.seconds)

    async def _segment(self, job: Job) -> bytes:
        gateway, timings, name = self.gateway, self.timings, self.model.spec.name
        with timings.stage("load"):
            engine = await self.model.engine()
        metered = gateway.metrics.metered(name, engine)
        limit = gateway.settings.max_window_pixels
        if gateway.triton is None:
            return await run_job(job, metered, timings, batch_pixels=limit)
        async with gateway.triton.queue_apart(name, timings):
            return await run_job(job, metered, timings, batch_pixels=limit)


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
