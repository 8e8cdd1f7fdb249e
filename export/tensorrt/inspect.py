"""What TensorRT made of a graph: its engine inspector's summary of the layers."""

from pathlib import Path
from types import ModuleType

from export.tensorrt.api import make_logger
from ocrnet.errors import ArtefactError


def save_summary(trt: ModuleType, plan: bytes, path: Path) -> None:
    """Write the inspector's JSON (layers, kernels, formats); needs the GPU that it was built on."""
    runtime = trt.Runtime(make_logger(trt))
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise ArtefactError("the plan that was just built does not load on this GPU")
    inspector = engine.create_engine_inspector()
    text = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    path.write_text(text, encoding="utf-8")
