"""The ports of the local Triton, on the loopback interface alone."""

import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass, fields

from ocrnet.errors import OcrnetError

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The port of each service; 0 stands for a free one."""

    grpc: int = 0
    metrics: int = 0


@dataclass(frozen=True)
class Addresses:
    """Where a server listens, each as HOST:PORT."""

    grpc: str
    metrics: str


def choose_ports(ports: Ports) -> Ports:
    """Return free ports in place of zeros; raises OcrnetError if one of the others is taken."""
    chosen = {}
    with ExitStack() as listeners:  # all open until the end, so that no two are the same
        for field in fields(ports):
            port = getattr(ports, field.name)
            try:
                listener = listeners.enter_context(socket.create_server((HOST, port)))
            except OSError as error:
                raise OcrnetError(
                    f"Triton's {field.name} port {HOST}:{port} cannot be used "
                    f"({os.strerror(error.errno or 0).lower()}): choose another with "
                    f"--{field.name}-port, or 0 for a free one"
                ) from error
            chosen[field.name] = listener.getsockname()[1]
    return Ports(**chosen)


def addresses_of(ports: Ports) -> Addresses:
    """Return where a server with these ports listens."""
    return Addresses(*(f"{HOST}:{getattr(ports, field.name)}" for field in fields(ports)))
