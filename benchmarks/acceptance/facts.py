"""Step: the machine and its software. python -m benchmarks.acceptance.facts FILE"""

import platform
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from benchmarks.lib.json_files import write_json
from benchmarks.lib.machine import cores, processor, vector_units
from benchmarks.lib.provenance import versions_of
from export.tensorrt.api import find_gpu
from ocrnet.errors import ArtefactError
from ocrnet.without_telemetry import import_module

Facts = dict[str, Any]
_ROOT = Path(__file__).parents[2]
_PACKAGES = (
    "torch", "triton", "onnx", "onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-cu12",
    "tensorrt-cu13", "tensorrt-rtx", "polygraphy", "openvino", "numpy", "nvidia-cudnn-cu12",
    "nvidia-cudnn-cu13",
)  # fmt: skip
_GPU = (
    "name", "memory.total", "compute_cap", "driver_version", "power.limit", "clocks.max.sm", "uuid",
)  # fmt: skip


def gather() -> Facts:
    """Return what the results depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": cores(),
        "vector_units": vector_units(),
        "gpus": gpus(),
        "used": used(),
        "commit": commit(),
        "commands": sorted(entry.name for entry in entry_points(group="ocrnet.commands")),
        "packages": versions_of(_PACKAGES),
        "torch": _of("torch", _torch),
        "onnxruntime": _of("onnxruntime", _onnxruntime),
        "tensorrt": _of("tensorrt", _version),
        "tensorrt_rtx": _of("tensorrt_rtx", _version),
        "polygraphy": _of("polygraphy", _version),
        "pytest": _of("pytest", _version),
    }


def gpus() -> list[Facts]:
    """Return what nvidia-smi says of each GPU."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    query = [f"--query-gpu={','.join(_GPU)}", "--format=csv,noheader"]
    answer = subprocess.run([command, *query], capture_output=True, text=True, check=False)
    rows = [row.split(", ") for row in answer.stdout.splitlines()]
    return [dict(zip(_GPU, row, strict=True)) for row in rows if len(row) == len(_GPU)]


def used() -> str | None:
    """Return the UUID of the GPU that CUDA takes; None if nvidia-smi does not tell."""
    try:
        return find_gpu().uuid or None
    except ArtefactError:
        return None


def commit() -> str | None:
    """Return the commit that is checked out, with a plus sign if files differ; None without git."""
    git = shutil.which("git")
    if git is None:
        return None
    there = [git, "-C", str(_ROOT)]
    head = subprocess.run(
        [*there, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    if head.returncode:
        return None
    changed = subprocess.run(
        [*there, "status", "--porcelain", "--untracked-files=no"],
        capture_output=True,
        text=True,
        check=False,
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _of(name: str, read: Any) -> Facts:
    """Facts of a module; empty if it is not installed, `error` if it does not load."""
    try:
        module = import_module(name)
    except (ImportError, OSError) as error:  # one of its own imports, or its shared libraries
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            return {}
        return {"error": str(error)}
    facts: Facts = read(module)
    return facts


def _version(module: Any) -> Facts:
    return {"version": module.__version__}


def _torch(torch: Any) -> Facts:
    facts = {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "cuda_available": torch.cuda.is_available(),
        "tf32": {
            "convolutions": torch.backends.cudnn.allow_tf32,
            "matrix products": torch.backends.cuda.matmul.allow_tf32,
        },
    }
    if facts["cuda_available"]:
        found = torch.cuda.get_device_properties(0)
        facts |= {
            "device": found.name,
            "memory_bytes": found.total_memory,
            "multiprocessors": found.multi_processor_count,
            "built_for": torch.cuda.get_arch_list(),
        }
    return facts


def _onnxruntime(onnxruntime: Any) -> Facts:
    return {
        "version": onnxruntime.__version__,
        "providers": onnxruntime.get_available_providers(),
    }


if __name__ == "__main__":
    write_json(Path(sys.argv[1]), {"results": [gather()]})
