"""What the exporter needs beyond the gateway, and where a model's checkpoint is."""

import importlib.util

from ocrnet.errors import OcrnetError
from ocrnet.without_telemetry import import_module
from ocrnet.zoo import ModelSpec


def needs_export_extra() -> None:
    """Raise OcrnetError with what to install, unless all is there."""
    for name in (
        "torch",
        "onnx",
        "onnxruntime",
        "safetensors",
        "httpx2",
        "jinja2",
        "tabulate",
        "tqdm",
    ):
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise OcrnetError(
                f"'ocrnet export' needs {error.name}: run 'make .venv', "
                "or pip install 'ocrnet[export]'"
            ) from error


def needs_nncf() -> None:
    """Raise OcrnetError with what to install for INT8; importing it would take seconds."""
    if importlib.util.find_spec("nncf") is None:
        raise OcrnetError(
            "INT8 needs nncf: run 'make .venv', or pip install 'nncf>=3.0' ('--to onnx' "
            "builds no INT8)"
        )


def checkpoint_of(spec: ModelSpec) -> str:
    """The checkpoint that comes with this project, or the pulled one.

    Raises OcrnetError with how to get it.
    """
    from export.checkpoints.cache import cached_checkpoint
    from export.graphs.source import SHIPPED_WEIGHTS

    if spec.checkpoint.shipped:
        return str(SHIPPED_WEIGHTS / spec.checkpoint.shipped)
    if not spec.checkpoint.url:
        raise OcrnetError(
            f"{spec.name} has no published checkpoint: name a file with --checkpoint FILE"
        )
    path = cached_checkpoint(spec)
    if not path.exists():
        raise OcrnetError(
            f"{path} is not there: run 'ocrnet export pull {spec.name}', or name a file with "
            "--checkpoint"
        )
    return str(path)
