"""A real Triton on a machine without GPU or containers, for trying and testing.

The server is the one in the `nvidia-pytriton` wheel, in an environment of its own. That wheel has
Triton's Python back end alone, so a small model over ONNX Runtime runs the graphs.
"""

from server.local_triton.installation import (
    TRITON_VERSION,
    TritonEnvironment,
    default_folder,
    find_environment,
    install_environment,
)
from server.local_triton.ports import Addresses, Ports
from server.local_triton.process import LocalTriton

__all__ = [
    "TRITON_VERSION",
    "Addresses",
    "LocalTriton",
    "Ports",
    "TritonEnvironment",
    "default_folder",
    "find_environment",
    "install_environment",
]
