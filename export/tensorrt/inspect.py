"""What TensorRT made of a graph: its engine inspector's summary of the layers."""

import contextlib
import logging
from pathlib import Path
from types import ModuleType

from export.tensorrt.api import make_logger

_log = logging.getLogger(__name__)


def save_summary(trt: ModuleType, plan: bytes, path: Path) -> None:
    """Write the inspector's JSON (layers, kernels, formats); needs the GPU that it was built on.

    Without a summary the plan is as good: why there is none is logged.
    """
    try:
        text = _summary(trt, plan)
        path.write_text(text, encoding="utf-8")
    # The last two: pybind11's, for a runtime that does not start and for text that is not UTF-8.
    except (_NoSummary, OSError, TypeError, ValueError) as error:
        with contextlib.suppress(OSError):  # half of one is none
            path.unlink(missing_ok=True)
        _log.warning("The layer summary %s was not written: %s", path, error)


class _NoSummary(Exception):
    """TensorRT gave nothing, and why."""


def _summary(trt: ModuleType, plan: bytes) -> str:
    runtime = trt.Runtime(make_logger(trt))
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise _NoSummary("the plan that was just built does not load on this GPU")
    inspector = engine.create_engine_inspector()
    text = inspector and inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    if not text:
        raise _NoSummary("TensorRT has none for this plan")
    return str(text)
