"""Every refusal as a problem document (RFC 9457), and the one table of statuses."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ocrnet import errors
from server.responses import Problem

MEDIA_TYPE = "application/problem+json"
_LONGEST_DETAIL = 200
_logger = logging.getLogger("ocrnet.gateway")

# The nearest class in an error's ancestry decides.
STATUS: dict[type[errors.OcrnetError], int] = {
    errors.InvalidOption: 422,
    errors.UndecodablePicture: 422,
    errors.UnsupportedPicture: 415,
    errors.PictureTooLarge: 413,
    errors.InputError: 422,
    errors.UnknownModel: 404,
    errors.Overloaded: 503,
    errors.OutOfMemory: 503,
    errors.DeadlineExceeded: 504,
    errors.EngineUnavailable: 503,
    errors.BadEngineOutput: 502,
    errors.EngineError: 500,
    errors.OcrnetError: 500,
}
# Errors that the framework finds, in our words. Whatever it says itself reaches nobody.
_FRAMEWORK = {
    400: (
        "http_error",
        "the header Range cannot be used: leave it out, or send bytes=FIRST-LAST",
    ),
    404: ("not_found", "there is nothing at this address; /docs lists what there is"),
    405: ("method_not_allowed", "this address takes other methods; the header Allow names them"),
    416: (
        "http_error",
        "the header Range names no byte of the file: the header Content-Range says how many it has",
    ),
}
_OTHER = ("http_error", "the gateway cannot answer this request")


class RequestError(errors.InputError):
    """The request itself is wrong: how it is sent, not the picture in it."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None):
        """headers: to send along with the refusal."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}


class BodyTooLarge(errors.PictureTooLarge):
    """The body passes the limit. hang_up: so much is still to come that nobody should read it."""

    def __init__(self, limit: int, actual: int, *, hang_up: bool):
        message = f"the body has {actual} bytes or more, {limit} are allowed"
        super().__init__(message, "too_many_bytes", limit=limit, actual=actual)
        self.hang_up = hang_up


def problem_document(
    request_id: str, status: int, code: str, detail: str, **more: int
) -> dict[str, int | str]:
    """Build the members of a problem document; more: `limit` and `actual`, where there are."""
    if len(detail) > _LONGEST_DETAIL:
        detail = detail[: _LONGEST_DETAIL - 1] + "…"
    document = Problem(
        type="about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id,
        **more,
    )
    return document.model_dump(exclude_unset=True)


def problem_response(description: str) -> dict[str, Any]:
    """Describe a refusal to OpenAPI."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def problem(request: Request, status: int, code: str, detail: str, **more: int) -> JSONResponse:
    """Build the answer, as `problem_document` builds its members."""
    request.state.code = code  # for the log and the metrics
    body = problem_document(request.state.request_id, status, code, detail, **more)
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def framework_problem(request: Request, status: int, headers: Mapping[str, str]) -> JSONResponse:
    """Build the answer to an error that the framework found; headers: what it says beside."""
    code, detail = _FRAMEWORK.get(status, _OTHER)
    answer = problem(request, status, code, detail)
    answer.headers.update(headers)
    return answer


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(errors.OcrnetError, _ours)
    app.add_exception_handler(MemoryError, _out_of_memory)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _bug)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.OcrnetError)
    if isinstance(error, RequestError):
        answer = problem(request, error.status, error.code, str(error))
        answer.headers.update(error.headers)
        if error.status == HTTPStatus.REQUEST_TIMEOUT:
            answer.headers["Connection"] = "close"  # the rest of the body is still to come
        return answer
    if isinstance(error, errors.OutOfMemory):
        return await _out_of_memory(request, error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if status == 500 or isinstance(error, errors.EngineError):
        # Backend texts can name paths and versions: they go to the log, not to the client.
        _logger.error("request %s: %s", request.state.request_id, error, exc_info=error)
        detail = "the engine did not give a usable answer"
        if isinstance(error, errors.ArtefactError):
            detail = "the model cannot be loaded: its files are damaged or missing"
        return problem(request, status, error.code, detail)
    more = {}
    if isinstance(error, errors.PictureTooLarge):
        more = {"limit": error.limit, "actual": error.actual}
    answer = problem(request, status, error.code, str(error), **more)
    if isinstance(error, BodyTooLarge) and error.hang_up:
        answer.headers["Connection"] = "close"
    if isinstance(error, errors.Overloaded):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


async def _out_of_memory(request: Request, error: Exception) -> JSONResponse:
    retry_after = request.app.state.gateway.settings.retry_after
    _logger.error("request %s: out of memory", request.state.request_id, exc_info=error)
    detail = f"the server has not enough free memory for this request: try again in {retry_after} s"
    answer = problem(request, STATUS[errors.OutOfMemory], errors.OutOfMemory.code, detail)
    answer.headers["Retry-After"] = str(retry_after)
    return answer


async def _framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return framework_problem(request, error.status_code, error.headers or {})


async def _bug(request: Request, error: Exception) -> JSONResponse:
    # Starlette re-raises after this: the server logs the traceback and drops the connection.
    answer = problem(request, 500, "internal_error", "an error of ours; the log has the details")
    answer.headers["Connection"] = "close"
    answer.headers["X-Request-Id"] = request.state.request_id  # this answer passes no middleware
    return answer
