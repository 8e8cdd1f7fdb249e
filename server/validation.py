"""Query parameters with a bad value: refused with what would be valid."""

from typing import Literal, get_args, get_origin

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from server.options import SegmentQuery, Whole
from server.problems import problem


def what_it_takes(name: str) -> str:
    """Say in words which values a parameter of `POST /segment` takes."""
    field = SegmentQuery.model_fields[name]
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    kind = kinds[0] if kinds and field.default is None else field.annotation
    if kind is bool:
        return "1 or 0"
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        return f"{', '.join(others)} or {last}"
    bounds = [
        f"{word} {getattr(bound, attribute)}"
        for bound in field.metadata
        for attribute, word in (("ge", "at least"), ("lt", "less than"), ("le", "at most"))
        if hasattr(bound, attribute)
    ]
    return f"a {'whole' if kind is Whole else 'plain decimal'} number, {' and '.join(bounds)}"


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer FastAPI's validation error with a problem document."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        known = ", ".join(SegmentQuery.model_fields)
        detail = f"there is no parameter {name[:20]!r}; there are {known}"
        return problem(request, 422, "unknown_parameter", detail)
    detail = f"{name} is {str(first['input'])[:40]!r}: it takes {what_it_takes(name)}"
    return problem(request, 422, f"invalid_{name}", detail)
