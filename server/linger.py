"""Closing a connection so that a client that is still sending sees the answer.

A socket closed with bytes unread resets the connection, and a client that sends first and reads
then would lose the answer. So writing ends, what still arrives is thrown away for a while, and only
then is the connection closed. Source: RFC 9112, section 9.6.
"""

import asyncio
from collections.abc import Callable
from typing import Any

LONGEST = 10.0  # seconds
MOST_BYTES = 32 * 2**20  # more than a body may have by default


class LingeringTransport:
    """A transport whose `close` waits for the client's end while there is something unread.

    Whoever receives the connection's bytes hands them to `throw_away` once it `lingers`.
    Reading stops while it is paused, held, or both.
    """

    def __init__(self, transport: asyncio.Transport, unread: Callable[[], bool]):
        """unread: says whether the client has, or may have, more to send of its request."""
        self._transport = transport
        self._unread = unread
        self.lingers = False
        self._thrown_away = 0
        self._paused = False
        self._held = False

    def __getattr__(self, name: str) -> Any:  # all else is the transport's own
        return getattr(self._transport, name)

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        self._paused = True
        self._set_reading()

    def resume_reading(self) -> None:
        """Read on, unless reading is held."""
        self._paused = False
        self._set_reading()

    def hold(self, held: bool) -> None:
        """Stop reading until it is no longer held, whatever is paused or resumed meanwhile."""
        self._held = held
        self._set_reading()

    def _set_reading(self) -> None:
        if (self._paused or self._held) and not self.lingers:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """End writing, and close now or a little later; a second call closes now."""
        if self.lingers or not self._unread() or not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # the client has reset the connection
            self._transport.close()
            return
        self.lingers = True
        self._set_reading()
        asyncio.get_running_loop().call_later(LONGEST, self._transport.close)

    def throw_away(self, data: bytes) -> None:
        """Count what arrives, and close when it is too much."""
        self._thrown_away += len(data)
        if self._thrown_away > MOST_BYTES:
            self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self.lingers or self._transport.is_closing()
