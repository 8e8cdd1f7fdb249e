"""Log lines, as text or as JSON: who asked for what and how it ended, never what was in it."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ACCESS = logging.getLogger("ocrnet.access")
# In uvicorn's words, what is refused by a problem document of ours and has a line of its own.
UVICORN_REFUSAL = "Invalid HTTP request received."


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Send every log line to stderr in that form."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").addFilter(_not_said_twice)
    # What it warns of is refused, and has a line of its own.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def _not_said_twice(record: logging.LogRecord) -> bool:
    return record.msg != UVICORN_REFUSAL


@dataclass(frozen=True)
class AnsweredRequest:
    """What is logged and counted of every request.

    route: as the app declares it, or none. code: of the problem document, if one was the answer.
    """

    request_id: str
    method: str
    route: str
    status: int
    code: str | None
    seconds: float


def log_request(
    level: int, request: AnsweredRequest, more: Mapping[str, object] | None = None
) -> None:
    """Write one line about a request; more: what its route says of it."""
    facts = {
        "request_id": request.request_id,
        "method": request.method,
        "route": request.route,
        "status": request.status,
        "milliseconds": round(request.seconds * 1000, 2),
        **({"code": request.code} if request.code else {}),
        **(more or {}),
    }
    ACCESS.log(level, "request", extra={"facts": facts})


def _facts(record: logging.LogRecord) -> dict[str, object]:
    facts = getattr(record, "facts", {})
    return facts if isinstance(facts, dict) else {}


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        return f"{super().formatMessage(record)} {facts}".rstrip()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
