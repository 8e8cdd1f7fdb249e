"""The gRPC channel to a Triton server."""

import asyncio
import time
from collections.abc import Callable

from tritonclient.grpc import InferenceServerClient as BlockingClient
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ocrnet.errors import ArtefactError

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
_PROBE_SECONDS = 5.0


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

    def wait_until_ready(self, seconds: float, announce: Callable[[str], None]) -> None:
        """Return when Triton says that it is ready, before there is an event loop.

        announce: is told once if that takes a while. Raises ArtefactError after `seconds`.
        """
        until = time.monotonic() + seconds
        announced = False
        client = self.blocking()
        try:
            while (problem := _not_ready(client)) is not None:
                if time.monotonic() >= until:
                    raise ArtefactError(f"there is no Triton at {self.address}: {problem}")
                if not announced:
                    announce(f"Waiting up to {seconds:g} s for Triton at {self.address}: {problem}")
                    announced = True
                time.sleep(min(0.2, seconds))
        finally:
            client.close()

    async def close(self) -> None:
        """Close the channel if the running loop has one."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.close()
        self._client = None


def _not_ready(client: BlockingClient) -> str | None:
    try:
        if client.is_server_ready(client_timeout=_PROBE_SECONDS):
            return None
        return (
            "it is loading its models, or one of them has failed, as its log says; "
            "'ocrnet export repository NAME --check' finds artefacts that it refuses"
        )
    except InferenceServerException as error:
        return f"{error.message()} (its gRPC port is usually 8001)"
