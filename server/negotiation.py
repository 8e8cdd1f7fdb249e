"""Which format the header Accept asks for. Source: RFC 9110, section 12.5.1."""

import re

from starlette.datastructures import Headers

from ocrnet.formats import FORMATS, FormatName
from server.problems import RequestError

# Of several formats with one media type, the first is what the type means.
_OFFERED: tuple[FormatName, ...] = ("png", "json", "npz")
_QUALITY = re.compile(r"\s*q=(0(\.\d{0,3})?|1(\.0{0,3})?)\s*", re.IGNORECASE)
_MOST_RANGES = 64


def accepted_format(headers: Headers) -> FormatName:
    """Return the best format that the header Accept takes; without one, `png`.

    Raises RequestError (406) if it accepts none of them.
    """
    accept = ",".join(headers.getlist("accept"))
    if not accept.strip():
        return _OFFERED[0]
    ranges = [_parse(item) for item in accept.split(",")[:_MOST_RANGES]]
    best = max(_OFFERED, key=lambda name: _quality(FORMATS[name].media_type, ranges))
    if _quality(FORMATS[best].media_type, ranges) == 0:
        types = ", ".join(FORMATS[name].media_type for name in _OFFERED)
        raise RequestError(
            406, "not_acceptable", f"the header Accept takes none of {types}; or name a format="
        )
    return best


def _parse(item: str) -> tuple[str, float]:
    """Media range and quality; a parameter that cannot be read counts as absent."""
    kind, *parameters = item.split(";")
    found = [match for text in parameters if (match := _QUALITY.fullmatch(text))]
    return kind.strip().lower(), float(found[0][1]) if found else 1.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The most specific range that fits decides."""
    main = media_type.partition("/")[0]
    for wanted in (media_type, f"{main}/*", "*/*"):
        fitting = [quality for kind, quality in ranges if kind == wanted]
        if fitting:
            return max(fitting)
    return 0.0
