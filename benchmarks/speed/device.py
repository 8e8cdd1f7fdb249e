"""The device that figures are claimed for, checked against the one that is here."""

import shutil
import subprocess
from dataclasses import asdict, dataclass

from benchmarks.lib.machine import clock_mhz, cores, processor, vector_units
from export.tensorrt.api import Gpu, find_gpu
from ocrnet.errors import ArtefactError, OcrnetError

# TFLOPS without sparsity, from NVIDIA's data sheets: float32 outside the tensor cores, TF32 and
# float16 inside. By what nvidia-smi's name holds, the first that fits.
_PEAKS = {
    "A100": (19.5, 156.0, 312.0),
    "H100 PCIe": (51.2, 378.0, 756.0),
    "H100": (66.9, 494.7, 989.4),
    "H200": (66.9, 494.7, 989.4),
    "V100-PCIE": (14.0, None, 112.0),
    "V100": (15.7, None, 125.0),
    "A10G": (31.5, 35.0, 70.0),
    "A10": (31.2, 62.5, 125.0),
    "T4": (8.1, None, 65.0),
    "L40S": (91.6, 183.0, 362.0),
    "L4": (30.3, 60.0, 121.0),
}


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

    name: in full. peaks: GMAC/s by `float32`, `tf32`, `float16`, as far as known. gpu: None for the
    CPU.
    """

    name: str
    peaks: dict[str, float]
    gpu: Gpu | None = None

    @property
    def is_cpu(self) -> bool:
        """Whether the processor computes."""
        return self.gpu is None

    @property
    def machine(self) -> Machine:
        """What results say of it."""
        if self.gpu is None:
            return Machine(self.name, cores(), vector_units())
        driver, capability = self.gpu.driver, self.gpu.compute_capability
        return Machine(self.name, driver=driver, compute_capability=capability, host=_host())


def claimed_device(claim: str) -> Device:
    """Return the device called `claim`: cpu, or a part of a GPU's name such as A100.

    Raises WrongDevice if the GPU here is another, or there is none.
    """
    if claim.lower() == "cpu":
        return Device(_host(), {})
    try:
        gpu = find_gpu()
    except ArtefactError:
        raise WrongDevice(
            f"--device {claim}: there is no NVIDIA GPU here (no nvidia-smi), only {_host()}; "
            "measure that with --device cpu"
        ) from None
    if not _words(claim) <= _words(gpu.name):
        raise WrongDevice(f"--device {claim}: the GPU here is {gpu.name}")
    peaks = next((peaks for name, peaks in _PEAKS.items() if name in gpu.name), None)
    known = zip(("float32", "tf32", "float16"), peaks or (), strict=False)
    return Device(gpu.name, {name: 500 * peak for name, peak in known if peak}, gpu)


def _host() -> str:
    return f"{processor()}, {cores()} cores"


def _words(name: str) -> set[str]:
    return set(name.lower().replace("-", " ").split())


def clocks(device: Device) -> dict[str, float]:
    """Return the clocks now, MHz, as far as the system says."""
    if device.is_cpu:
        now = clock_mhz()
        return {} if now is None else {"core": now}
    numbers = query_gpu("clocks.sm", "clocks.max.sm", "clocks.mem")
    return dict(zip(("sm", "sm_max", "memory"), numbers, strict=False))


def memory_used(device: Device) -> int | None:
    """Return the bytes in use on the whole GPU, by whatever uses it; None on a CPU or if unsaid."""
    if device.is_cpu:
        return None
    numbers = query_gpu("memory.used")
    return int(numbers[0] * 2**20) if numbers else None


def query_gpu(*names: str) -> list[float]:
    """Return the numbers that nvidia-smi gives for these names, of the first GPU."""
    command = shutil.which("nvidia-smi")
    assert command is not None  # it has named the GPU
    answer = subprocess.run(
        [command, f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
    )
    first = (answer.stdout.splitlines() or [""])[0].split(", ")
    return [float(value) for value in first if value.replace(".", "").isdigit()]
