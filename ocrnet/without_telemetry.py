"""OpenVINO, NNCF and ONNX Runtime, imported so that they report their use to nobody.

    from ocrnet.without_telemetry import openvino

No other file of ours imports them: `switch_off_telemetry` has to run first. Each is imported on
first use, since they are slow to import and not all of them are part of every installation.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from ocrnet.process import switch_off_telemetry

if TYPE_CHECKING:
    import nncf
    import onnxruntime
    import openvino

__all__ = ["import_module", "nncf", "onnxruntime", "openvino"]

_LIBRARIES = frozenset({"nncf", "onnxruntime", "openvino"})


def import_module(name: str) -> ModuleType:
    """Import any module, such as one inside of those libraries; raises ModuleNotFoundError."""
    switch_off_telemetry()
    return importlib.import_module(name)


def __getattr__(name: str) -> ModuleType:
    if name in _LIBRARIES:
        return import_module(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
