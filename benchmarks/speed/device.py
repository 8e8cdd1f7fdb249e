"""The device that figures are claimed for, checked against the one that is here."""

import shutil
import subprocess
from dataclasses import asdict, dataclass

from benchmarks.lib.machine import clock_mhz, cores, processor, vector_units
from benchmarks.speed.gpu_peaks import peaks_of
from export.tensorrt.api import Gpu, find_gpu
from ocrnet.errors import ArtefactError, OcrnetError

_TF32_FROM = (8, 0)  # the compute capability of Ampere


class WrongDevice(OcrnetError):
    """The device that was named is not here."""


@dataclass(frozen=True)
class Machine:
    """What results say of a device: of a CPU its cores and vector units, of a GPU the others.

    host: the processor of the machine that the GPU is in.
    """

    device: str
    cores: int | None = None
    vector_units: list[str] | None = None
    driver: str | None = None
    compute_capability: str | None = None
    host: str | None = None

    def to_json(self) -> dict[str, str | int | list[str]]:
        """Return what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Device:
    """The device that is measured.

    name: in full. peaks: GMAC/s by `float32`, `tf32`, `float16`, as far as known; empty for a GPU
    whose data sheet is not known here. gpu: None for the CPU.
    """

    name: str
    peaks: dict[str, float]
    gpu: Gpu | None = None

    @property
    def is_cpu(self) -> bool:
        """Whether the processor computes."""
        return self.gpu is None

    @property
    def has_tf32(self) -> bool:
        """Whether its tensor cores can round float32 to TF32."""
        if self.gpu is None:
            return False
        major, _, minor = self.gpu.compute_capability.partition(".")
        return (int(major), int(minor or 0)) >= _TF32_FROM

    @property
    def machine(self) -> Machine:
        """What results say of it."""
        if self.gpu is None:
            return Machine(self.name, cores(), vector_units())
        driver, capability = self.gpu.driver, self.gpu.compute_capability
        return Machine(self.name, driver=driver, compute_capability=capability, host=_host())


def claimed_device(claim: str) -> Device:
    """Return the device called `claim`: cpu, or a part of a GPU's name such as A100.

    Raises WrongDevice if the GPU that CUDA takes is another, or if there is none.
    """
    if claim.lower() == "cpu":
        return Device(_host(), {})
    try:
        gpu = find_gpu()
    except ArtefactError as error:
        if shutil.which("nvidia-smi"):
            raise WrongDevice(f"--device {claim}: {error}") from error
        raise WrongDevice(
            f"--device {claim}: there is no NVIDIA GPU here (no nvidia-smi), only {_host()}; "
            "measure that with --device cpu"
        ) from None
    if not _words(claim) <= _words(gpu.name):
        raise WrongDevice(
            f"--device {claim}: CUDA takes {gpu.name} here; CUDA_VISIBLE_DEVICES chooses another"
        )
    return Device(gpu.name, peaks_of(gpu.name), gpu)


def _host() -> str:
    return f"{processor()}, {cores()} cores"


def _words(name: str) -> set[str]:
    return set(name.lower().replace("-", " ").split())


def clocks(device: Device) -> dict[str, float]:
    """Return the clocks now, MHz, as far as the system says."""
    if device.gpu is None:
        now = clock_mhz()
        return {} if now is None else {"core": now}
    numbers = query_gpu(device.gpu, "clocks.sm", "clocks.max.sm", "clocks.mem")
    named = zip(("sm", "sm_max", "memory"), numbers, strict=False)
    return {name: number for name, number in named if number is not None}


def memory_used(device: Device) -> int | None:
    """Return the bytes in use on the whole GPU, by whatever uses it; None on a CPU or if unsaid."""
    if device.gpu is None:
        return None
    numbers = query_gpu(device.gpu, "memory.used")
    return None if not numbers or numbers[0] is None else int(numbers[0] * 2**20)


def query_gpu(gpu: Gpu, *names: str) -> list[float | None]:
    """Return what nvidia-smi gives for these names, of that GPU; None for what is no number."""
    command = shutil.which("nvidia-smi")
    assert command is not None  # it has named the GPU
    which = [f"--id={gpu.uuid}"] if gpu.uuid else []
    answer = subprocess.run(
        [command, f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits", *which],
        capture_output=True,
        text=True,
        check=False,
    )
    first = (answer.stdout.splitlines() or [""])[0].split(", ")
    return [float(value) if value.replace(".", "").isdigit() else None for value in first]
