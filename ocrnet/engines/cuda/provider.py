"""Whether ONNX Runtime's CUDA provider is installed here, and with what options it runs."""

import contextlib
import io
import re
from importlib.metadata import PackageNotFoundError, version

from ocrnet.engines.cuda.driver import Driver
from ocrnet.engines.engine_options import Provider
from ocrnet.errors import ArtefactError
from ocrnet.without_telemetry import import_module

CUDA_PROVIDER = "CUDAExecutionProvider"
INSTALL = "pip install 'onnxruntime-gpu[cuda,cudnn]'"
_LAST_FOR_CUDA_12 = "pip install 'onnxruntime-gpu[cuda,cudnn]<1.27'"
# The oldest branch of the driver that runs a major version of CUDA.
_BRANCHES = {12: 525, 13: 580}
_FAILURE = re.compile(r"\b[A-Z]+ failure -?\d+: [^;\n]+")


def check_provider(driver: Driver) -> str:
    """Load the libraries of the CUDA provider, and return those that could not be; empty: none.

    Raises ArtefactError where ONNX Runtime is missing, is the package for CPUs, or needs a newer
    driver.
    """
    try:
        onnxruntime = import_module("onnxruntime")
    except ModuleNotFoundError:
        raise ArtefactError(f"ONNX Runtime for GPUs is not installed: {INSTALL}") from None
    found = onnxruntime.__version__
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        if _is_installed("onnxruntime-gpu"):
            raise ArtefactError(
                f"the package onnxruntime {found}, for CPUs, has overwritten onnxruntime-gpu: pip "
                f"uninstall -y onnxruntime onnxruntime-gpu, then {INSTALL}"
            )
        raise ArtefactError(
            f"ONNX Runtime {found} here is the package for CPUs: pip uninstall -y onnxruntime, "
            f"then {INSTALL}"
        )
    built = import_module("onnxruntime.capi.build_and_package_info")
    needed = str(getattr(built, "cuda_version", "") or "")
    major = int(needed.partition(".")[0] or 0)
    if driver.cuda[0] < major:
        has = ".".join(map(str, driver.cuda))
        update = f"update it to {_BRANCHES[major]} or newer" if major in _BRANCHES else "update it"
        older = f", or {_LAST_FOR_CUDA_12}" if (driver.cuda[0], major) == (12, 13) else ""
        raise ArtefactError(
            f"the NVIDIA driver runs CUDA {has}, and ONNX Runtime {found} needs CUDA {needed}: "
            f"{update}{older}"
        )
    # From NVIDIA's wheels, where they are installed; else from where the system finds them.
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        onnxruntime.preload_dlls()
    failed = re.findall(r"^Failed to load (?:.*/)?([^\s:/]+): ", said.getvalue(), re.MULTILINE)
    return ", ".join(dict.fromkeys(failed))


def provider_options(index: int, *, fixed: bool, half: bool, captured: bool) -> Provider:
    """Options of the CUDA provider, all unmeasured choices (docs/gpu.md).

    index: of the GPU. fixed: the session meets one shape alone, so that it pays to try all
    algorithms of a convolution. half: the graph is float16; tensor cores want its channels last,
    while float32 without TF32 does not use them. captured: runs are replayed as a CUDA graph.
    """
    return CUDA_PROVIDER, {
        "device_id": str(index),
        "use_tf32": "0",  # it has float16's mantissa: off by 1e-3
        "prefer_nhwc": "1" if half else "0",
        "cudnn_conv_algo_search": "EXHAUSTIVE" if fixed else "HEURISTIC",
        # The default doubles each time, for what the next run may need: this one knows its need.
        "arena_extend_strategy": "kSameAsRequested",
        "enable_cuda_graph": "1" if captured else "0",
    }


def cuda_failure(error: Exception) -> str:
    """What CUDA, cuDNN or cuBLAS said in an error of ONNX Runtime, or in the cause of one of ours.

    The first line of what ONNX Runtime said where none of them said anything.
    """
    text = str(error.__cause__ or error).strip()
    found = _FAILURE.search(text)
    return found.group().strip() if found else text.partition("\n")[0]


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
