"""Refuse request headers that two HTTP servers could read differently.

If a proxy in front of the gateway finds the end of a request at another byte than the gateway does,
the rest of that request becomes a second one that the proxy has never seen (request smuggling).
Sources: RFC 9112, sections 2.2, 3, 5 and 6; RFC 9110, sections 5.5, 7.2, 8.6 and 10.1.1.
"""

import ipaddress
import re

from server.limits import MOST_HEADER_LINES, MOST_PARSED_HEADER_LINES
from server.problems import RequestError

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(rb"[\x21-\x7e]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[0-9]{1,20}")
MOST_LENGTH = 2**63 - 1  # what many servers count in; a larger number is another one there
_HOST = re.compile(
    rb"(?:(?P<v4>[0-9]+(?:\.[0-9]+){3})|(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?)"
    rb"|\[(?P<v6>[0-9A-Fa-f:.]+)(?:%[A-Za-z0-9._~-]+)?\])"
    rb"(?::(?P<port>[0-9]{1,5}))?"
)
_LONGEST_HOST_NAME = 255
_ONCE = (b"host", b"content-length", b"transfer-encoding")
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")


def refuse_http(status: int, code: str, detail: str) -> RequestError:
    """Return the error for a connection on which nothing more can be read safely."""
    return RequestError(status, code, detail, {"Connection": "close"})


def ends_in_crlf(lines: bytes) -> bool:
    """Return whether every CR and LF is part of a CRLF; a CR as the last byte may become one."""
    pairs = lines.count(b"\r\n")
    return lines.count(b"\n") == pairs == lines.count(b"\r") - lines.endswith(b"\r")


def check_head(received: bytes) -> None:
    """Check a request line and headers, complete or not; raises RequestError for the first fault.

    received: every byte that has arrived since the request began. Bytes after the empty line that
    ends the headers are not read.
    """
    end = received.find(b"\r\n\r\n")
    head = received if end < 0 else received[: end + 4]
    if not ends_in_crlf(head):
        raise _bad("a line of the request's headers ends in CR or LF alone; lines end in CRLF")
    first, newline, rest = head.partition(b"\r\n")
    if not newline or not first:
        return  # the line is incomplete, or h11 refuses it
    version = _check_request_line(first)
    if end >= 0:
        _check_fields(_fields(rest[: -len(b"\r\n")]), version)


def _bad(detail: str) -> RequestError:
    return refuse_http(400, "bad_http", detail)


def _check_request_line(line: bytes) -> bytes:
    """Return the HTTP version."""
    parts = line.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]):
        raise _bad(
            f"the request line is {shown(line)}; it takes a method, a path and HTTP/1.1, with one "
            "space between them"
        )
    _, target, version = parts
    if version not in _VERSIONS:
        raise _bad(
            f"the request line ends in {shown(version)}; this server speaks HTTP/1.1 and HTTP/1.0 "
            "(curl --http1.1)"
        )
    if not _VISIBLE.fullmatch(target):
        raise _bad(
            f"the request target is {shown(target)}; percent-encode everything but printable ASCII"
        )
    if not target.startswith(b"/"):
        raise _bad(f"the request target is {shown(target)}; it takes a path that begins with /")
    return version


def _fields(lines: bytes) -> list[tuple[bytes, bytes]]:
    """Return names in lower case, and values without the blanks around them."""
    count = lines.count(b"\r\n")
    if count > MOST_PARSED_HEADER_LINES:
        detail = f"the request has {count} header lines; at most {MOST_HEADER_LINES} are allowed"
        raise refuse_http(431, "headers_too_large", detail)
    fields = []
    for line in lines.split(b"\r\n")[:-1]:
        if line[:1] in (b" ", b"\t"):
            raise _bad(
                f"the header line {shown(line)} begins with a blank; folded headers are obsolete, "
                "send each header on one line"
            )
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise _bad(
                f"the header line {shown(line)} has no valid name; it takes a name, a colon "
                "without a blank before it, and a value"
            )
        if _CONTROL.search(value):
            raise _bad(
                f"the header {_title(name)} contains a control character; send printable text"
            )
        fields.append((name.lower(), value.strip(b" \t")))
    return fields


def _check_fields(fields: list[tuple[bytes, bytes]], version: bytes) -> None:
    once: dict[bytes, bytes] = {}
    for name, value in fields:
        # CGI and its successors read a hyphen and an underscore as the same character.
        hyphened = name.replace(b"_", b"-")
        if hyphened in _ONCE:
            if hyphened != name:
                raise _bad(f"the header {_title(name)} is written with a hyphen")
            if name in once:
                raise _bad(f"the header {_title(name)} is given twice; send it once")
            once[name] = value
        if name == b"expect" and version == b"HTTP/1.1" and value.lower() != b"100-continue":
            detail = f"the header Expect is {shown(value)}; it takes 100-continue"
            raise refuse_http(417, "expectation_failed", detail)
    _check_framing(once.get(b"content-length"), once.get(b"transfer-encoding"), version)
    _check_host(once.get(b"host"), version)


def _check_framing(length: bytes | None, coding: bytes | None, version: bytes) -> None:
    if length is not None and coding is not None:
        raise _bad("the request has Content-Length and Transfer-Encoding; send one of them")
    if length is not None and not _LENGTH.fullmatch(length):
        raise _bad(
            f"the header Content-Length is {shown(length)}; it takes one number of at most 20 "
            "digits"
        )
    if length is not None and int(length) > MOST_LENGTH:
        raise _bad(
            f"the header Content-Length is {shown(length)}; it takes a number of at most "
            f"{MOST_LENGTH}"
        )
    if coding is not None and coding.lower() != b"chunked":
        raise _bad(f"the header Transfer-Encoding is {shown(coding)}; it takes chunked")
    if coding is not None and version != b"HTTP/1.1":
        raise _bad("HTTP/1.0 has no Transfer-Encoding; send Content-Length, or HTTP/1.1")


def _check_host(host: bytes | None, version: bytes) -> None:
    if host is None and version == b"HTTP/1.1":
        raise _bad("the header Host is missing; HTTP/1.1 requires it")
    if host is not None and not _is_host(host):
        raise _bad(
            f"the header Host is {shown(host)}; it takes a host name or an IP address, then "
            "optionally a colon and a port from 1 to 65535"
        )


def _is_host(value: bytes) -> bool:
    match = _HOST.fullmatch(value)
    if not match or (match["port"] is not None and not 1 <= int(match["port"]) <= 65535):
        return False
    if match["name"]:
        return len(match["name"]) <= _LONGEST_HOST_NAME
    try:
        if match["v4"]:
            ipaddress.IPv4Address(match["v4"].decode())
        else:
            ipaddress.IPv6Address(match["v6"].decode())
    except ipaddress.AddressValueError:
        return False
    return True


def _title(name: bytes) -> str:
    return name[:40].decode("latin-1").title()


def shown(value: bytes) -> str:
    """Return the first 40 bytes as a message shows them."""
    return repr(value[:40].decode("latin-1"))
