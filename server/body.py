"""Getting the picture's bytes out of a request, never more than allowed."""

import asyncio
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from ocrnet.errors import UndecodablePicture
from server.problems import BodyTooLarge, RequestError

_MOST_FIELDS = 16
_LONGEST_FIELD = 4096
# Multipart headers and boundaries come on top of the picture itself.
_ENVELOPE = 64 * 1024
# Times the limit: a body announced longer than this is not read to its end before the refusal.
_WORTH_READING = 4


class _InMemoryParser(MultiPartParser):
    # The body is bounded already: no reason to touch the disk.
    spool_max_size = 2**40


async def read_picture(request: Request, max_bytes: int, timeout: float) -> bytes:
    """Return the picture's bytes: the multipart field `image`, or the raw body.

    Raises BodyTooLarge (on the announced length before a byte is read), RequestError
    for anything that is not one picture, UndecodablePicture for an empty raw body.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    multipart = kind == "multipart/form-data"
    limit = max_bytes + (_ENVELOPE if multipart else 0)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        # A client that sends first and reads then should see the answer, if it is not far off.
        far_off = int(announced) > _WORTH_READING * limit
        raise BodyTooLarge(max_bytes, int(announced), hang_up=far_off)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise RequestError(
            415,
            "unsupported_encoding",
            "send the body without Content-Encoding",
            {"Accept-Encoding": "identity"},
        )
    if not (multipart or kind in ("", "application/octet-stream") or kind.startswith("image/")):
        raise RequestError(
            415,
            "unsupported_media_type",
            "send the picture as multipart field 'image' (curl -F image=@FILE), "
            "or raw with Content-Type image/* or application/octet-stream",
        )
    try:
        async with asyncio.timeout(timeout):
            stream = _bounded(request, limit, max_bytes)
            if multipart:
                return await _from_form(request, stream)
            data = b"".join([chunk async for chunk in stream])
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


async def _bounded(request: Request, limit: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise BodyTooLarge(max_bytes, received, hang_up=True)
        yield chunk


async def _from_form(request: Request, stream: AsyncGenerator[bytes, None]) -> bytes:
    parser = _InMemoryParser(
        request.headers,
        stream,
        max_files=1,
        max_fields=_MOST_FIELDS,
        max_part_size=_LONGEST_FIELD,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RequestError(400, "bad_multipart", error.message) from error
    except (UnicodeError, LookupError) as error:  # a charset that there is not, or that is broken
        raise RequestError(400, "bad_multipart", "the form's charset cannot be used") from error
    try:
        unknown = [name for name in form if name != "image"]
        if unknown and unknown[0] in request.query_params:
            raise RequestError(
                422,
                "duplicate_parameter",
                f"{unknown[0][:40]} is in the URL and in the form: options go into the URL",
            )
        if unknown:
            raise RequestError(
                422,
                "unknown_field",
                f"the form has a field {unknown[0][:40]!r}; it takes one, 'image', "
                "and options go into the URL",
            )
        part = form.get("image")
        if not isinstance(part, UploadFile):
            raise RequestError(
                422, "missing_image", "the form has no file 'image' (curl -F image=@FILE)"
            )
        data = await part.read()
    finally:
        await form.close()
    if not data:
        raise UndecodablePicture("the file 'image' is empty: 0 bytes", code="empty_image")
    return data
