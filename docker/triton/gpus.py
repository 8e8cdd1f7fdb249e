"""The GPUs that Triton runs on and its TensorRT, as far as the container shows them."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

_LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/tensorrt/lib")
_QUERY = ["nvidia-smi", "--query-gpu=uuid,compute_cap,name", "--format=csv,noheader"]
_SECONDS = 60  # the first call after a start of the machine initialises the driver


class Gpu(NamedTuple):
    """One GPU; capability: its compute capability, such as "8.0"."""

    uuid: str
    capability: str
    name: str


class NoGpu(Exception):
    """No GPU can be used; the message says why, as the end of a sentence."""


def find_gpus() -> list[Gpu]:
    """Return the GPUs that Triton uses, in nvidia-smi's order; raises NoGpu if there is none.

    CUDA_VISIBLE_DEVICES is respected where it gives UUIDs, or numbers in the order of the bus.
    """
    gpus = _installed()
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return gpus
    wanted = [name.strip() for name in chosen.split(",") if name.strip()]
    if "-1" in wanted:  # for CUDA the list ends there
        wanted = wanted[: wanted.index("-1")]
    if not wanted:
        raise NoGpu(f"CUDA_VISIBLE_DEVICES={chosen!r} hides all GPUs")
    if all(name.isdigit() for name in wanted):
        if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
            # CUDA counts from the fastest on, which may be any of them.
            return gpus
        visible = [gpus[int(name)] for name in wanted if int(name) < len(gpus)]
    else:
        visible = [gpu for name in wanted for gpu in gpus if gpu.uuid.startswith(name)]
        if any(name.startswith("MIG-") for name in wanted):
            return gpus  # nvidia-smi lists the whole GPU that it is a part of
    if not visible:
        raise NoGpu(f"CUDA_VISIBLE_DEVICES={chosen!r} names no GPU that nvidia-smi lists")
    return visible


def _installed() -> list[Gpu]:
    try:
        done = subprocess.run(
            _QUERY, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise NoGpu(
            "there is no nvidia-smi: the container needs a GPU from the NVIDIA Container Toolkit "
            "('--gpus all', or the compose file's profile gpu)"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoGpu(f"nvidia-smi does not run: {error}") from None
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise NoGpu(f"nvidia-smi failed: {said or f'status {done.returncode}'}")
    gpus = []
    for line in done.stdout.splitlines():
        parts = [part.strip() for part in line.split(",", 2)]
        if len(parts) == 3 and re.fullmatch(r"\d+\.\d+", parts[1]):
            gpus.append(Gpu(*parts))
        elif line.strip():
            raise NoGpu(f"nvidia-smi does not say the compute capability: {line.strip()!r}")
    if not gpus:
        raise NoGpu("nvidia-smi lists no GPU")
    return gpus


def tensorrt_version() -> str:
    """Return the version of this image's TensorRT, such as "11.1.0.106"; empty: not known.

    NVIDIA's images say it in TRT_VERSION; else the name of the library has its first three numbers.
    """
    stated = re.match(r"[\d.]+\d", os.environ.get("TRT_VERSION", ""))
    if stated:
        return stated.group()
    for folder in _LIBRARIES:
        for path in sorted(Path(folder).glob("libnvinfer.so.*")):
            found = re.fullmatch(r"libnvinfer\.so\.(\d+\.\d+\.\d+)", path.name)
            if found:
                return found.group(1)
    return ""
