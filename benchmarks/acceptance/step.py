"""One step of the acceptance run, and what it needs."""

import os
from dataclasses import dataclass
from typing import Any, Literal

Facts = dict[str, Any]
StepKind = Literal["facts", "tests", "parity", "plans", "fps"]
Need = Literal["torch", "pytest", "onnxruntime", "tensorrt", "polygraphy", "ocrnet"]

# Names for pip where the module has another.
_PIP = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "multipart": "python-multipart",
    "pydantic_settings": "pydantic-settings",
    "fastapi_offline": "fastapi-offline",
    "tritonclient": "tritonclient[grpc]",
    "yaml": "pyyaml",
}


@dataclass(frozen=True)
class Step:
    """A process that writes its results into a JSON file, under `results`.

    arguments: of Python; the file's name follows them. needs: what has to be installed. seconds:
    after so many the step has failed. least: it is not started with fewer left of the whole run.
    """

    name: str
    kind: StepKind
    arguments: tuple[str, ...]
    needs: tuple[Need, ...]
    seconds: float
    least: float


def missing(step: Step, facts: Facts) -> str | None:
    """Return why the step cannot run on this machine, and what to install; None if it can.

    facts: of benchmarks/acceptance/facts.py; empty if they are unknown.
    """
    reasons = [reason for need in step.needs if (reason := _missing(need, facts))]
    return "; ".join(reasons) or None


def not_installed(module: str) -> str:
    """Return the sentence for a module that cannot be found."""
    return f"{module} is not installed: pip install '{_PIP.get(module, module)}'"


def _missing(need: Need, facts: Facts) -> str | None:
    if not facts:  # the step itself will say what it lacks
        return None
    if need == "ocrnet":
        if "export" in facts["commands"]:
            return None
        return "the command 'ocrnet export' is not installed: pip install --no-deps -e ."
    found = facts[need]
    if not found:
        return not_installed("onnxruntime-gpu" if need == "onnxruntime" else need)
    if "error" in found:
        return f"{need} cannot be loaded: {found['error']}"
    if need == "torch" and not found["cuda_available"]:
        return _torch_without_gpu(found)
    if need == "onnxruntime" and "CUDAExecutionProvider" not in found["providers"]:
        return (
            f"ONNX Runtime {found['version']} is here without its CUDA provider: "
            "pip uninstall onnxruntime && pip install onnxruntime-gpu"
        )
    return None


def _torch_without_gpu(found: Facts) -> str:
    if found["cuda"] is None:
        return (
            f"PyTorch {found['version']} is built without CUDA: install a CUDA build, "
            "see https://pytorch.org/get-started"
        )
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        return (
            f"PyTorch {found['version']} finds no GPU: CUDA_VISIBLE_DEVICES is {hidden!r}; unset "
            "it to let PyTorch see all GPUs"
        )
    return (
        f"PyTorch {found['version']} finds no GPU: the driver may be older than CUDA "
        f"{found['cuda']} needs"
    )
