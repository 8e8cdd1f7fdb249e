"""What NVIDIA's driver says of the GPUs here, asked of its own library: no package is needed."""

import ctypes
import os
from dataclasses import dataclass

from ocrnet.engines.engine_options import Gpu
from ocrnet.errors import ArtefactError

_LIBRARY = "libcuda.so.1"
_NO_DEVICE = 100
_DRIVER_MISMATCH = 803
_MAJOR, _MINOR = 75, 76  # attributes of a device: its compute capability
_NAME_BYTES = 256


@dataclass(frozen=True)
class Driver:
    """cuda: the newest version of CUDA that it runs, such as (13, 0). gpus: at least one."""

    cuda: tuple[int, int]
    gpus: list[Gpu]


def ask_driver() -> Driver:
    """Start the driver in this process and list its GPUs.

    Raises ArtefactError with what is missing: the driver, a GPU, or one that it may use.
    """
    try:
        cuda = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise ArtefactError(
            f"there is no NVIDIA driver here ({_LIBRARY} cannot be loaded): install it, or start "
            "the container with a GPU ('docker run --gpus all', with NVIDIA's Container Toolkit)"
        ) from None
    code = cuda.cuInit(0)
    count = ctypes.c_int(0)
    if code == 0:
        code = cuda.cuDeviceGetCount(ctypes.byref(count))
    if code == _NO_DEVICE or (code == 0 and count.value == 0):
        raise ArtefactError(_no_gpu())
    version = ctypes.c_int(0)
    code = code or cuda.cuDriverGetVersion(ctypes.byref(version))
    if code:
        raise ArtefactError(_failed(cuda, code))
    gpus = [_describe(cuda, index) for index in range(count.value)]
    return Driver((version.value // 1000, version.value % 1000 // 10), gpus)


def _describe(cuda: ctypes.CDLL, index: int) -> Gpu:
    device, number = ctypes.c_int(0), ctypes.c_int(0)
    name = ctypes.create_string_buffer(_NAME_BYTES)
    capability = []
    code = cuda.cuDeviceGet(ctypes.byref(device), index)
    code = code or cuda.cuDeviceGetName(name, _NAME_BYTES, device)
    for attribute in (_MAJOR, _MINOR):
        code = code or cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
        capability.append(str(number.value))
    if code:
        raise ArtefactError(_failed(cuda, code))
    return Gpu(index, name.value.decode(errors="replace"), ".".join(capability))


def _no_gpu() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return (
            f"the NVIDIA driver shows no GPU, since CUDA_VISIBLE_DEVICES is {visible!r}: name GPUs "
            "as 'nvidia-smi -L' lists them, such as 0, or unset it to use all of them"
        )
    return "the NVIDIA driver finds no GPU: 'nvidia-smi -L' lists those that it knows"


def _failed(cuda: ctypes.CDLL, code: int) -> str:
    text = ctypes.c_char_p()
    cuda.cuGetErrorString(code, ctypes.byref(text))
    said = f"CUDA error {code}: {(text.value or b'unknown').decode(errors='replace')}"
    if code == _DRIVER_MISMATCH:
        return (
            f"the NVIDIA driver was updated while its kernel module runs ({said}): restart the "
            "machine, or load the module again"
        )
    return f"the NVIDIA driver cannot be used ({said}): 'nvidia-smi' and 'dmesg' say more"
