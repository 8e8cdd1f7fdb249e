"""The PyTorch side: networks, checkpoints, ONNX. Needs the `export` extra.

`load_model` is imported on first use, so that the command line can say what to install
where torch is absent.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.checkpoints.loading import load_model as load_model

__all__ = ["load_model"]


def __getattr__(name: str) -> object:
    if name == "load_model":
        from export.checkpoints.loading import load_model

        return load_model
    raise AttributeError(f"module 'export' has no attribute {name!r}")
