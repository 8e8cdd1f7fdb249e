"""HTTP/1.1 below the app: what is no HTTP is refused with a problem document too."""

import json
import sys
import uuid
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from server.middleware import MOST_HEAD_BYTES, MOST_URL_BYTES
from server.problems import MEDIA_TYPE

_DETAILS = {
    414: ("url_too_long", f"a URL may have {MOST_URL_BYTES} bytes"),
    431: ("headers_too_large", f"the head of a request may have {MOST_HEAD_BYTES} bytes"),
    400: ("bad_http", "what was sent is not a valid HTTP/1.1 request"),
}


class ProblemProtocol(H11Protocol):
    """uvicorn's own, but for the one plain-text answer that it makes by itself."""

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that h11 could not read, with the status that h11 proposes, and hang up."""
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
            (b"connection", b"close"),
        ]
        answer = h11.Response(status_code=status, headers=headers, reason=b"")
        for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
