"""Where pictures are segmented: in this process, or by a gateway."""

import asyncio
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Protocol

from ocrnet.concurrency import in_lone_thread, in_thread
from ocrnet.engines import Engine
from ocrnet.errors import OcrnetError
from ocrnet.formats import AnswerOptions
from ocrnet.images import ImageLimits, inspect_image
from ocrnet.inference.options import SegmentOptions
from ocrnet.pipeline import make_job, run_job
from ocrnet.timings import Timings
from ocrnet.zoo import ModelSpec

# One's own pictures on one's own machine: only what no decoder takes is refused.
_LOCAL = ImageLimits(max_bytes=2**31 - 1, max_pixels=2**30, max_side=65_500)
_MOST_TRIES = 30


class Refused(OcrnetError):
    """The gateway did not serve a picture; the code is its own, or `connection_lost`."""

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.code = code


class Unreachable(OcrnetError):
    """No gateway answers at the URL: no picture will fare better."""

    code = "unreachable"


class Runner(Protocol):
    """Turns a picture file into an answer."""

    async def run(self, data: bytes) -> bytes:
        """Segment; raises OcrnetError."""

    async def close(self) -> None:
        """Let go of what it holds."""


class LocalRunner:
    """Segments in this process."""

    def __init__(
        self, spec: ModelSpec, engine: Engine, options: SegmentOptions, answer: AnswerOptions
    ):
        self._spec = spec
        self._engine = engine
        self._options = options
        self._answer = answer

    async def run(self, data: bytes) -> bytes:
        """As Runner."""
        header = await in_thread(inspect_image, data, _LOCAL)
        job = make_job(header, self._spec, self._options, self._answer)
        return await run_job(job, self._engine, Timings())

    async def close(self) -> None:
        """As Runner."""
        await self._engine.close()


class RemoteRunner:
    """Sends pictures to a gateway; waits as long as it asks when it has no place."""

    def __init__(self, url: str, query: Mapping[str, str], media_type: str, timeout: float):
        """query: parameters of `POST /segment`. media_type: of its answers.

        timeout: seconds without a byte.
        """
        if not _names_a_gateway(url):
            raise OcrnetError(f"{url!r} is no URL of a gateway, such as http://127.0.0.1:8080")
        self._url = f"{url.rstrip('/')}/segment?{urllib.parse.urlencode(query)}"
        self._shown = url
        self._media_type = media_type
        self._timeout = timeout

    async def run(self, data: bytes) -> bytes:
        """As Runner."""
        for tries in range(_MOST_TRIES):
            try:
                return await in_lone_thread(self._post, data)
            except urllib.error.HTTPError as error:
                problem = _problem(error)
                wait = error.headers.get("Retry-After", "")
                if error.code != 503 or not wait.isdecimal() or tries == _MOST_TRIES - 1:
                    raise problem from None
                await asyncio.sleep(int(wait))
            except (OSError, HTTPException) as error:  # URLError is an OSError
                reason = getattr(error, "reason", error)
                if isinstance(reason, ConnectionRefusedError | socket.gaierror):
                    message = f"no gateway answers at {self._shown}: {reason.strerror}"
                    raise Unreachable(message) from error
                message = f"the connection to {self._shown} broke: {reason}"
                raise Refused(message, "connection_lost") from error
        raise AssertionError("the last try returns or raises")

    def _post(self, data: bytes) -> bytes:
        request = urllib.request.Request(
            self._url, data, {"Content-Type": "application/octet-stream"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=self._timeout) as answer:
            body: bytes = answer.read()
            found = answer.headers.get_content_type()
        if found != self._media_type:
            raise Refused(
                f"{self._shown} answered {found}, not {self._media_type}: it is no gateway",
                "http_error",
            )
        return body

    async def close(self) -> None:
        """As Runner: every connection was closed after its answer."""


def _names_a_gateway(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        right_port = parts.port is None or parts.port > 0
        return parts.scheme in ("http", "https") and bool(parts.hostname) and right_port
    except ValueError:  # brackets that do not close, a port that is no number
        return False


def _problem(error: urllib.error.HTTPError) -> Refused:
    """What the gateway's problem document says; any other body counts as its status alone."""
    with error:
        try:
            document = json.load(error)
            return Refused(str(document["detail"]), str(document["code"]))
        except (ValueError, KeyError, TypeError):
            return Refused(f"the server answered {error.code} {error.reason}", "http_error")
