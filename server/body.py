"""Getting the picture's bytes out of a request, never more than allowed."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO

from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from ocrnet.errors import UndecodablePicture
from server.form import read_form
from server.problems import BodyTooLarge, RequestError
from server.turns import FormTime

_FORM = "multipart/form-data"
# Multipart headers and boundaries come on top of the picture itself.
_ENVELOPE = 64 * 1024
# Times the limit: a body announced longer than this is not read to its end before the refusal.
_WORTH_READING = 4


@dataclass
class BodyFault:
    """A body ends early because of `refusal`; the state of a request has it as `body_fault`."""

    refusal: RequestError | None = None


async def read_picture(request: Request, max_bytes: int, timeout: float) -> bytes:
    """Return the picture's bytes: the multipart field `image`, or the raw body.

    Raises BodyTooLarge (on the announced length before a byte is read), RequestError
    for anything that is not one picture, UndecodablePicture for an empty raw body.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    multipart = kind == _FORM
    limit = max_bytes + (_ENVELOPE if multipart else 0)
    _check_length(request.headers, limit, max_bytes)
    _check_coding(request.headers, kind)
    try:
        async with asyncio.timeout(timeout):
            stream = _bounded(request, limit, max_bytes)
            if multipart:
                form_time = request.scope["state"].get("form_time") or FormTime()
                return await read_form(
                    content_type, stream, max_bytes, request.query_params, form_time
                )
            data = await _read_raw(stream)
    except TimeoutError:
        raise RequestError(
            408, "body_too_slow", f"the body did not arrive within {timeout:g} s"
        ) from None
    except ClientDisconnect:
        raise RequestError(
            400, "client_gone", "the client left before the body was there"
        ) from None
    if not data:
        raise UndecodablePicture("the request has no body: send a picture", code="empty_image")
    return data


def _check_length(headers: Headers, limit: int, max_bytes: int) -> None:
    """Raise BodyTooLarge on the announced length."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        # A client that sends first and reads then should see the answer, if it is not far off.
        far_off = int(announced) > _WORTH_READING * limit
        raise BodyTooLarge(max_bytes, int(announced), hang_up=far_off)


def _check_coding(headers: Headers, kind: str) -> None:
    """Raise RequestError for a compressed body, or one of a media type that is no picture's."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(
            415,
            "unsupported_encoding",
            "send the body without Content-Encoding",
            {"Accept-Encoding": "identity"},
        )
    if not (kind in ("", _FORM, "application/octet-stream") or kind.startswith("image/")):
        raise RequestError(
            415,
            "unsupported_media_type",
            "send the picture as multipart field 'image' (curl -F image=@FILE), "
            "or raw with Content-Type image/* or application/octet-stream",
        )


async def _read_raw(stream: AsyncGenerator[bytes, None]) -> bytes:
    body = BytesIO()
    async for piece in stream:
        body.write(piece)
    return body.getvalue()  # shares the memory


async def _bounded(request: Request, limit: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    fault: BodyFault = request.scope["state"].get("body_fault", BodyFault())
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > limit:
            raise BodyTooLarge(max_bytes, received, hang_up=True)
        yield piece
    if fault.refusal is not None:
        raise fault.refusal
