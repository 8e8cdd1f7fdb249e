"""What OpenAPI says of `POST /segment` beyond its query parameters."""

from typing import Any

from server.deadline import DEADLINE_HEADER, TIMEOUT_HEADER
from server.problems import problem_response
from server.responses import Forecast, SegmentReport

_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _seconds_header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", "pattern": r"^[0-9]{1,18}(\.[0-9]{1,9})?$"},
    }


OPENAPI_EXTRA: dict[str, Any] = {
    "parameters": [
        _seconds_header(TIMEOUT_HEADER, "seconds from now; 504 when they are over"),
        _seconds_header(DEADLINE_HEADER, "Unix time in seconds; 504 when it has passed"),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {"image": {"type": "string", "format": "binary"}},
                }
            },
            **dict.fromkeys(("image/jpeg", "image/png", "image/webp"), _BINARY),
            "application/octet-stream": _BINARY,
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask, of the picture's own size, in the format asked for",
        "model": SegmentReport | Forecast,  # of application/json
        "content": {"image/png": _BINARY, "application/x-npz": _BINARY},
    },
    **{
        status: problem_response(description)
        for status, description in {
            400: "A form or a request that does not parse",
            404: "No such model here",
            406: "The header Accept takes no format that there is",
            408: "The body took too long to arrive",
            413: "Too many bytes, pixels or windows, or too much work",
            414: "The URL is too long",
            415: "Not a JPEG, PNG or WebP picture",
            417: "The header Expect is not 100-continue",
            422: "A picture that does not decode, or a bad parameter",
            431: "The head is too large",
            500: "An error of the gateway or the engine",
            502: "The engine gave no usable answer",
            503: "No place for another request, or no memory for it; see Retry-After",
            504: "The time that the request may take is over",
        }.items()
    },
}
