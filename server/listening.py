"""The gateway's listening socket, the URL that opens it, and who else can reach it."""

import errno
import ipaddress
import os
import socket

from ocrnet.errors import OcrnetError

VALID_HOSTS = (
    "an address of this machine or a name that stands for one: 127.0.0.1 or localhost for this "
    "machine alone, 0.0.0.0 for all its IPv4 addresses, :: for all its IPv6 addresses"
)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises OcrnetError.

    A name with addresses of both families stands for its IPv4 address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.create_server(address, family=family, backlog=2048)
        # Connections inherit it. asyncio sets it by itself only where the protocol is named, and
        # an answer's body would wait 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, UnicodeError) as error:  # UnicodeError: of a name that no host can have
        raise OcrnetError(
            f"cannot listen on {_place(host[:80], port)}: {_reason(error)}"
        ) from error


def url_of(host: str, listener: socket.socket) -> str:
    """Return a URL that opens the gateway on this machine; host: as it was asked for."""
    address, port = _bound(listener)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{_place(host, port)}"


def exposure(listener: socket.socket) -> str | None:
    """Return a sentence on what others can do here; None if this machine alone reaches it."""
    address, port = _bound(listener)
    if address.is_loopback:
        return None
    whose = f"any IPv{address.version} address of this machine"
    place = f"port {port} of {whose if address.is_unspecified else address}"
    return (
        f"Anyone who can reach {place} may use everything that is served, /metrics and /docs "
        "included, without authentication or TLS: put a proxy that has both in front of it"
    )


def _bound(listener: socket.socket) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    address, port = listener.getsockname()[:2]
    return ipaddress.ip_address(address), port


def _place(host: str, port: int) -> str:
    """HOST:PORT as in a URL (RFC 6874: % of a zone is %25)."""
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError | UnicodeError) -> str:
    # A failed look-up has codes of its own; create_server adds the address to the others.
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return f"there is no such address; --host takes {VALID_HOSTS}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"it is not an address of this machine; --host takes {VALID_HOSTS}"
    return (os.strerror(error.errno) if error.errno else error.strerror or str(error)).lower()
