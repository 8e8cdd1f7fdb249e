"""A real Triton on a machine without GPU or containers, for trying and testing.

The server comes from the `nvidia-pytriton` wheel and is installed in an environment of its own.
That wheel contains only Triton's Python back end, so `model.py` runs the graphs in ONNX Runtime.
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
