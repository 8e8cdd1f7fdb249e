"""Around every request: an id, bounds on its head, common headers, one log line, one count."""

import logging
import re
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.limits import MOST_HEAD_BYTES, MOST_HEADER_LINES, MOST_URL_BYTES
from server.logs import AnsweredRequest, log_request
from server.metrics import Metrics
from server.problems import framework_problem, problem

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_KEPT = ("Allow", "Content-Range")  # of an error that the framework answers
# Asked for every few seconds by machines.
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})


class RequestMiddleware:
    """Outermost: what it measures is the request's own time, from its head to its answer's."""

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if _ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state |= {"request_id": request_id, "started": started, "facts": {}, "code": None}
        status = 0
        replaced = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, replaced
            if replaced:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                if status >= 400 and headers.get("content-type", "").startswith("text/plain"):
                    # The framework's own: its words are not for users.
                    kept = {kept: headers[kept] for kept in _KEPT if kept in headers}
                    answer = framework_problem(Request(inner), status, kept)
                    await answer(inner, receive, send_with_id)
                    replaced = True
                    return
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        # The server below sends no body for HEAD whatever the app answers.
        method = scope["method"]
        inner = {**scope, "method": "GET"} if method == "HEAD" else scope
        try:
            refusal = _refuse_head(inner)
            await (refusal or self.app)(inner, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            if status == 0:  # an error of ours: what answers it stands outside
                status, state["code"] = 500, "internal_error"
            route = getattr(inner.get("route"), "path", "none")
            answered = AnsweredRequest(request_id, method, route, status, state["code"], seconds)
            self.metrics.answered(answered)
            level = logging.DEBUG if route in _QUIET else logging.INFO
            log_request(level, answered, state["facts"])


def _refuse_head(scope: Scope) -> ASGIApp | None:
    """An answer to a head that is too large for a gateway that takes pictures."""
    request = Request(scope)
    if len(scope["raw_path"] or b"") + len(scope["query_string"]) > MOST_URL_BYTES:
        return problem(
            request,
            414,
            "url_too_long",
            f"a URL may have {MOST_URL_BYTES} bytes",
            limit=MOST_URL_BYTES,
        )
    headers = scope["headers"]
    size = sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)
    for actual, limit, unit in (
        (len(headers), MOST_HEADER_LINES, "header lines"),
        (size, MOST_HEAD_BYTES, "bytes of headers"),
    ):
        if actual > limit:
            detail = f"a request may have {limit} {unit}"
            return problem(request, 431, "headers_too_large", detail, limit=limit, actual=actual)
    return None
