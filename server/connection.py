"""HTTP/1.1 as h11 parses it, but strict."""

import re
from typing import Any

import h11

from server.head import check_head, ends_in_crlf, refuse_http
from server.problems import RequestError

_FOLDED = re.compile(rb"\r\n[ \t]")


class RefusedHttp(h11.RemoteProtocolError):
    """Something that h11 accepts and the gateway refuses."""

    def __init__(self, refusal: RequestError):
        super().__init__(str(refusal), error_status_hint=refusal.status)
        self.refusal = refusal


class StrictConnection(h11.Connection):
    """The server's side of one connection."""

    def __init__(self, most_head_bytes: int):
        super().__init__(h11.SERVER, most_head_bytes)
        self._chunked = False  # the current body
        self._half_line_end = b""  # a CR between chunks whose LF has not arrived

    def next_event(self) -> Any:
        """Return what h11 returns; raises RefusedHttp as well."""
        try:
            return self._strict_event()
        except RequestError as refusal:
            raise RefusedHttp(refusal) from None

    def _strict_event(self) -> Any:
        if self._chunked:
            return self._chunked_event()
        if self.their_state is h11.IDLE:
            check_head(self.trailing_data[0])
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
        return event

    def _chunked_event(self) -> Any:
        before, _ = self.trailing_data
        event = super().next_event()
        parsed = before[: len(before) - len(self.trailing_data[0])]
        self._chunked = not isinstance(event, h11.EndOfMessage)
        data = len(event.data) if isinstance(event, h11.Data) else 0
        framing = parsed[: len(parsed) - data]
        # h11 accepts CR alone in a chunk's extension, and LF alone and folding in trailers.
        if not ends_in_crlf(self._half_line_end + framing) or _FOLDED.search(framing):
            raise refuse_http(
                400,
                "bad_http",
                "a line between or after the chunks of the body is folded, or ends in CR or LF "
                "alone; each ends in CRLF",
            )
        if data:
            self._half_line_end = b""
        elif framing:
            self._half_line_end = b"\r" if framing.endswith(b"\r") else b""
        return event
