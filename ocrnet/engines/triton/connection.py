"""The channel to a Triton server, and its errors as ours."""

import asyncio
from typing import Any

from tritonclient.grpc import InferenceServerClient as BlockingClient
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ocrnet.errors import DeadlineExceeded, EngineError, EngineUnavailable, Overloaded

_LARGEST_MESSAGE = 2**31 - 1
# A server that comes back is tried again within a second; gRPC would wait up to two minutes.
# Pings are rarer than the five minutes below which a server may end the connection.
_CHANNEL = [
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A channel of its own for this process's models, not one shared by whoever has the address.
    ("grpc.use_local_subchannel_pool", 1),
    # Triton stands beside the gateway: http_proxy, which gRPC would obey, is for the world outside.
    ("grpc.enable_http_proxy", 0),
]
_RETRY_AFTER = 1


class TritonConnection:
    """One address. Its channel is opened on first use, in the event loop that uses it."""

    def __init__(self, address: str):
        """address: HOST:PORT of Triton's gRPC service."""
        self.address = address
        self._client: InferenceServerClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def client(self) -> InferenceServerClient:
        """The client of the running event loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._client = InferenceServerClient(self.address, channel_args=_CHANNEL)
            self._loop = loop
        return self._client

    def blocking(self) -> BlockingClient:
        """A client for before there is an event loop; whoever asks for it closes it."""
        return BlockingClient(self.address, channel_args=_CHANNEL)

    async def close(self) -> None:
        """Close the channel if the running loop has one."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.close()
        self._client = None


def as_ours(
    error: InferenceServerException, address: str, seconds_left: float | None
) -> EngineError | Overloaded | DeadlineExceeded:
    """Return what Triton's status stands for here; seconds_left: until the request's deadline."""
    status, message = _status(error), str(error.message())
    said = f"Triton at {address}: {message}"
    over = seconds_left is not None and seconds_left <= 0
    if status == "DEADLINE_EXCEEDED" or (over and "timeout expired" in message):
        return DeadlineExceeded("the engine did not answer before the request's deadline")
    if "maximum queue size" in message.lower() or "timeout expired" in message:
        return Overloaded("the engine's queue is full; try again later", _RETRY_AFTER)
    if status in ("UNAVAILABLE", "NOT_FOUND"):
        return EngineUnavailable(said)
    return EngineError(said)


def _status(error: InferenceServerException) -> str:
    status: Any = error.status()
    return str(status or "").removeprefix("StatusCode.")
