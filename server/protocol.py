"""HTTP/1.1 below the app."""

import asyncio
import json
import logging
import sys
import time
import uuid
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from server.body import BodyFault
from server.connection import RefusedHttp, StrictConnection
from server.head import refuse_http
from server.limits import MOST_HEAD_BYTES, MOST_URL_BYTES
from server.linger import LingeringTransport
from server.logs import AnsweredRequest, log_request
from server.metrics import Metrics
from server.problems import MEDIA_TYPE, RequestError, problem_document
from server.turns import FormTime, Share, Turns


class ProblemProtocol(H11Protocol):
    """uvicorn's protocol, stricter, and with a bounded number of events in a turn of the loop.

    tests/server/test_uvicorn_internals.py names all that it uses of uvicorn's, and what for.

    What is not HTTP is refused with a problem document; then the connection closes, in such a way
    that a client that is still sending receives it.
    """

    metrics: ClassVar[Metrics]
    turns: ClassVar[Turns]
    form_time: ClassVar[FormTime]
    transport: LingeringTransport  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._share = Share(self.turns)
        self.conn: StrictConnection = StrictConnection(MOST_HEAD_BYTES, self._share)
        self._arrived = bytearray()  # received, but not yet fed to the parser
        self._waits = False  # for a later turn
        self._stopped = False  # after a fault nothing more is parsed
        self._body_fault = BodyFault()
        self.app_state = {
            **self.app_state,
            "body_fault": self._body_fault,
            "form_time": self.form_time,
        }

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the transport."""
        super().connection_made(LingeringTransport(transport, self._unread))  # type: ignore[arg-type]

    def _unread(self) -> bool:
        return self._stopped or self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def data_received(self, data: bytes) -> None:
        """Handle what arrived; discard what follows the last request."""
        if self.transport.lingers:
            self.transport.throw_away(data)
        elif not self._stopped and self.conn.their_state is not h11.MUST_CLOSE:
            if self.conn.our_state is not h11.DONE:  # the rest of an answered request's body
                self._unset_keepalive_if_required()
            self._arrived += data
            self.handle_events()

    def handle_events(self) -> None:
        """Handle events until the connection's share of this turn is used up, then wait."""
        if self._waits:
            return
        self._share.renew()
        while not self._stopped and not self.transport.is_closing():
            if self.conn.hungry and self._arrived:
                self.conn.feed(self._arrived)
            super().handle_events()
            if self.conn.held_back:
                self._waits = True
                self.turns.wait(self._go_on)
            if self.conn.their_state is h11.MUST_CLOSE:
                self._arrived.clear()
            if self._waits or not (self.conn.hungry and self._arrived):
                break
        self.transport.hold(bool(self._arrived) or self._waits or self._stopped)

    def _go_on(self) -> None:
        self._waits = False
        self.handle_events()

    def _get_upgrade(self) -> None:
        """Ignore the header Upgrade, as RFC 9110 allows; uvicorn would log a warning."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP and read nothing more.

        If the fault is in the body of a request that the app has not answered yet, the app
        answers: it learns of the fault when it reads the body.
        """
        refusal = self._refusal(sys.exception())  # uvicorn calls this while it handles h11's error
        self._stopped = True
        self._arrived.clear()
        if self.conn.our_state is h11.IDLE:
            self._answer(refusal)
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            self._body_fault.refusal = refusal
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _refusal(self, error: BaseException | None) -> RequestError:
        if isinstance(error, RefusedHttp):
            return error.refusal
        if self.conn.our_state is not h11.IDLE:
            return refuse_http(
                400,
                "bad_http",
                "the chunked body is malformed; a chunk is its size in hexadecimal digits, CRLF, "
                "that many bytes, CRLF",
            )
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            if b"\n" not in self.conn.trailing_data[0][:MOST_URL_BYTES]:
                return refuse_http(414, "url_too_long", f"a URL may have {MOST_URL_BYTES} bytes")
            detail = f"the request line and headers may have {MOST_HEAD_BYTES} bytes"
            return refuse_http(431, "headers_too_large", detail)
        return refuse_http(400, "bad_http", "what was sent is not a valid HTTP/1.1 request")

    def _answer(self, refusal: RequestError) -> None:
        started = time.perf_counter()
        request_id = uuid.uuid4().hex
        body = json.dumps(problem_document(request_id, refusal.status, refusal.code, str(refusal)))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        answer = h11.Response(status_code=refusal.status, headers=headers, reason=b"")
        for event in (answer, h11.Data(data=body.encode()), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        seconds = time.perf_counter() - started
        answered = AnsweredRequest(
            request_id, "other", "none", refusal.status, refusal.code, seconds
        )
        self.metrics.answered(answered)
        log_request(logging.INFO, answered)

    def on_response_complete(self) -> None:
        """Go on with the next request; after a fault, close instead."""
        if self._stopped:
            self.server_state.total_requests += 1
            if not self.transport.is_closing():
                self.transport.close()
        else:
            super().on_response_complete()


def problem_protocol(metrics: Metrics) -> type[ProblemProtocol]:
    """Return the protocol for a gateway with those metrics; its connections share turns."""
    shared = {"metrics": metrics, "turns": Turns(), "form_time": FormTime()}
    return type("GatewayProtocol", (ProblemProtocol,), shared)
