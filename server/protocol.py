"""HTTP/1.1 below the app: what is no HTTP is refused with a problem document too."""

import asyncio
import json
import logging
import sys
import time
import uuid
from http import HTTPStatus
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from server.linger import LingeringTransport
from server.logs import log_request
from server.metrics import Metrics
from server.middleware import MOST_HEAD_BYTES, MOST_URL_BYTES
from server.problems import MEDIA_TYPE

_DETAILS = {
    414: ("url_too_long", f"a URL may have {MOST_URL_BYTES} bytes"),
    431: ("headers_too_large", f"the head of a request may have {MOST_HEAD_BYTES} bytes"),
    400: ("bad_http", "what was sent is not a valid HTTP/1.1 request"),
}


class ProblemProtocol(H11Protocol):
    """uvicorn's own, but for how it hangs up and the one plain-text answer that it makes itself."""

    metrics: ClassVar[Metrics]
    transport: LingeringTransport  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client that is still sending is to see the answer before the connection closes."""
        super().connection_made(LingeringTransport(transport, self._unread))  # type: ignore[arg-type]

    def _unread(self) -> bool:
        return self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; what comes after the last answer is thrown away."""
        if self.transport.lingers:
            self.transport.throw_away(data)
        else:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that h11 could not read, with the status that h11 proposes, and hang up."""
        started = time.perf_counter()
        error = sys.exception()  # uvicorn calls this while it handles h11's error
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if status == 431 and b"\n" not in self.conn.trailing_data[0][:MOST_URL_BYTES]:
            status = 414  # it is the first line that does not end
        code, detail = _DETAILS.get(status, _DETAILS[400])
        name = uuid.uuid4().hex
        body = json.dumps(
            {
                "type": "about:blank",
                "title": HTTPStatus(status).phrase,
                "status": status,
                "detail": detail,
                "code": code,
                "request_id": name,
            }
        ).encode()
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", name.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        answer = h11.Response(status_code=status, headers=headers, reason=b"")
        for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        seconds = time.perf_counter() - started
        self.metrics.answered("none", "other", status, code, seconds)
        facts = {"request_id": name, "method": "other", "route": "none", "status": status}
        facts |= {"milliseconds": round(seconds * 1000, 2), "code": code}
        log_request(logging.INFO, facts)


def problem_protocol(metrics: Metrics) -> type[ProblemProtocol]:
    """Return the protocol for a gateway with those metrics."""
    return type("GatewayProtocol", (ProblemProtocol,), {"metrics": metrics})
