"""Which GPU models run on: the first that computes, or none and the reason."""

import base64
from collections.abc import Callable

import numpy as np

from ocrnet.engines.cuda.driver import ask_driver
from ocrnet.engines.cuda.provider import INSTALL, check_provider, cuda_failure
from ocrnet.engines.engine_options import Device, Gpu
from ocrnet.errors import ArtefactError, EngineError, OutOfMemory

# A convolution of 3×3 ones as an ONNX model: uint8 `image` (N, H, W, 3), float32 `logits`
# (N, 1, H, W). The core has no package that writes one.
_PROBE = base64.b64decode(
    "CAgSADr7AQobCgVpbWFnZRIBYSIEQ2FzdCoJCgJ0bxgBoAECCiQKAWESAWIiCVRyYW5zcG9zZSoRCgRwZXJtQABA"
    "A0ABQAKgAQcKMgoBcxIBdyIPQ29uc3RhbnRPZlNoYXBlKhkKBXZhbHVlKg0IARABIgQAAIA/QgF2oAEECicKAWIK"
    "AXcSBmxvZ2l0cyIEQ29udioRCgRwYWRzQAFAAUABQAGgAQcSAWcqDQgEEAc6BAEDAwNCAXNaIgoFaW1hZ2USGQoX"
    "CAISEwoDEgFOCgMSAUgKAxIBVwoCCANiIwoGbG9naXRzEhkKFwgBEhMKAxIBTgoCCAEKAxIBSAoDEgFXQgQKABAR"
)


def choose_gpu(device: Device, announce: Callable[[str], None]) -> Gpu | None:
    """Return the GPU to run on, None for the CPU; with auto, `announce` is told which and why.

    cuda: raises ArtefactError where no GPU works, with what is missing and what installs it.
    """
    if device == "cpu":
        return None
    try:
        gpu = find_working_gpu()
    except ArtefactError as error:
        if device == "cuda":
            raise
        announce(f"Models run on the CPU (--device auto), since {error}")
        return None
    announce(f"Models run on {gpu} by ONNX Runtime (--device {device})")
    return gpu


def find_working_gpu() -> Gpu:
    """Return the first GPU that computes a convolution.

    Raises ArtefactError with what is missing, or why each GPU does not work.
    """
    driver = ask_driver()
    not_loaded = check_provider(driver)
    failed = []
    for gpu in driver.gpus:
        why = _why_it_fails(gpu, not_loaded)
        if why is None:
            return gpu
        failed.append(f"{gpu}: {why}")
    raise ArtefactError(f"no GPU here works: {'; '.join(failed)}")


def _why_it_fails(gpu: Gpu, not_loaded: str) -> str | None:
    """Why a GPU computes nothing; None if it does."""
    # Imported after the look for the package, which says what to install.
    from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
    from ocrnet.engines.onnxruntime import ProviderMissing, quiet

    try:
        with quiet():
            answer = BoundGraph(_PROBE, Place(gpu)).run(np.ones((1, 3, 3, 3), np.uint8), "logits")
    except ProviderMissing:
        reason = f" ({not_loaded} cannot be loaded)" if not_loaded else ""
        return (
            f"ONNX Runtime cannot load its CUDA provider{reason}: {INSTALL} brings the libraries "
            "of CUDA and cuDNN"
        )
    except (ArtefactError, EngineError, OutOfMemory) as error:
        return cuda_failure(error)
    # Each pixel is the sum of the ones around it, in three colours.
    if answer[0, 0].tolist() != [[12.0, 18.0, 12.0], [18.0, 27.0, 18.0], [12.0, 18.0, 12.0]]:
        return "it computes a convolution of ones wrongly"
    return None
