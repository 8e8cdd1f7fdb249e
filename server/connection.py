"""HTTP/1.1 as h11 parses it, but strict, and a bounded number of events at a time."""

import re
from typing import Any

import h11

from server.chunks import ChunkLimits, SizeLines
from server.head import check_head, ends_in_crlf, refuse_http
from server.problems import RequestError
from server.turns import Share

# Bytes that the parser gets at once. Where it looks for lines, one event may have thousands.
_SLICE_OF_LINES = 16 * 1024
_SLICE_OF_DATA = 64 * 1024
# What takes longer than other events: lines of headers or trailers, and what a request or a refusal
# begins in the app or the log.
_LINES_PER_EVENT = 4
_EVENTS_PER_REQUEST = 16
_TARGET_BYTES_PER_EVENT = 128  # a query of 8 KiB has thousands of parameters
_FOLDED = re.compile(rb"\r\n[ \t]")


class RefusedHttp(h11.RemoteProtocolError):
    """Something that h11 accepts and the gateway refuses."""

    def __init__(self, refusal: RequestError):
        super().__init__(str(refusal), error_status_hint=refusal.status)
        self.refusal = refusal


class StrictConnection(h11.Connection):
    """The server's side of one connection.

    held_back: the last `next_event` parsed nothing because the share was used up.
    hungry: everything that was fed is parsed.
    """

    def __init__(self, most_head_bytes: int, share: Share):
        """share: every event is counted there."""
        super().__init__(h11.SERVER, most_head_bytes)
        self.held_back = False
        self.hungry = True
        self._share = share
        self._failed = False
        self._limits: ChunkLimits | None = None  # of the current body, if it is chunked
        self._sizes = SizeLines()
        self._half_line_end = b""  # a CR between chunks whose LF has not arrived

    def feed(self, arrived: bytearray) -> None:
        """Move the first bytes of `arrived` to the parser."""
        only_data = self.their_state is h11.SEND_BODY and self._limits is None
        size = _SLICE_OF_DATA if only_data else _SLICE_OF_LINES
        self.receive_data(bytes(arrived[:size]))
        del arrived[:size]
        self.hungry = False

    def next_event(self) -> Any:
        """Return what h11 returns, or NEED_DATA when held back; raises RefusedHttp as well."""
        self.held_back = not self._share.take()
        if self.held_back:
            return h11.NEED_DATA
        try:
            event = self._strict_event()
        except (RequestError, h11.RemoteProtocolError) as error:
            self._failed = True
            self._share.take_more(_EVENTS_PER_REQUEST)
            if isinstance(error, RequestError):
                raise RefusedHttp(error) from None
            raise
        if isinstance(event, h11.Request):
            url = len(event.target) // _TARGET_BYTES_PER_EVENT
            self._share.take_more(_EVENTS_PER_REQUEST + url)
        if isinstance(event, h11.Request | h11.EndOfMessage):
            self._share.take_more(len(event.headers) // _LINES_PER_EVENT)
        self.hungry = event is h11.NEED_DATA
        return event

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Return the event's bytes, for `send` too; some responses get `Connection: close`."""
        # After a fault, or where a client that waits for 100 (Continue) may leave out the body,
        # nobody knows where the next request begins.
        if isinstance(event, h11.Response) and (
            self._failed or self.they_are_waiting_for_100_continue
        ):
            headers = [field for field in event.headers if field[0] != b"connection"]
            event = h11.Response(
                status_code=event.status_code,
                headers=[*headers, (b"connection", b"close")],
                reason=event.reason,
            )
        return super().send_with_data_passthrough(event)

    def _strict_event(self) -> Any:
        if self._limits is not None:
            return self._chunked_event(self._limits)
        if self.their_state is h11.IDLE:
            check_head(self.trailing_data[0])
        event = super().next_event()
        if isinstance(event, h11.Request):
            chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
            self._limits = ChunkLimits() if chunked else None
            self._sizes = SizeLines()
        return event

    def _chunked_event(self, limits: ChunkLimits) -> Any:
        before, _ = self.trailing_data
        event = super().next_event()
        parsed = before[: len(before) - len(self.trailing_data[0])]
        if isinstance(event, h11.EndOfMessage):
            self._limits = None
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
        ends = isinstance(event, h11.Data) and event.chunk_end
        self._sizes.add(framing, data=data, ends=ends)
        if event is h11.NEED_DATA:
            self._sizes.check_incomplete(self.trailing_data[0])
        limits.add(ends=ends, data=data, framing=len(framing))
        return event
