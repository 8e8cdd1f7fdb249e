"""--device is a claim, and it is checked."""

from pathlib import Path

import pytest

from benchmarks.lib.machine import clock_mhz, cores, processor
from benchmarks.speed.device import Device, WrongDevice, claimed_device, clocks, memory_used
from export.tensorrt.api import Gpu


@pytest.fixture
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def a100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for nvidia-smi on a machine with one, beside an L4 that CUDA does not take."""
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "  *name,compute_cap*)\n"
        "    echo 'NVIDIA L4, 8.9, 570.86.15, GPU-04, [N/A]'\n"
        "    echo 'NVIDIA A100-SXM4-80GB, 8.0, 570.86.15, GPU-0a, Disabled' ;;\n"
        "  *clocks.sm*--id=GPU-0a) echo '1410, 1410, 1593' ;;\n"
        "  *clocks.sm*) echo '300, 2040, 6251' ;;\n"
        "  *memory.used*--id=GPU-0a) echo '2048' ;;\n"
        "  *memory.used*) echo '1' ;;\n"
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-0a")


def test_the_processor_is_named_with_its_cores() -> None:
    device = claimed_device("CPU")
    assert device.is_cpu
    assert device.name == f"{processor()}, {cores()} cores"
    now = clock_mhz()
    assert clocks(device).keys() == (set() if now is None else {"core"})


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_the_error_names_what_there_is() -> None:
    with pytest.raises(
        WrongDevice, match=r"--device A100: there is no NVIDIA GPU .* only .* cores"
    ):
        claimed_device("A100")


@pytest.mark.usefixtures("a100")
@pytest.mark.parametrize("claim", ["A100", "a100", "A100-SXM4", "A100 80GB"])
def test_a_gpu_answers_to_the_words_of_its_name(claim: str) -> None:
    device = claimed_device(claim)
    assert device.name == "NVIDIA A100-SXM4-80GB"
    assert device.peaks == {"float32": 9750.0, "tf32": 78_000.0, "float16": 156_000.0}
    assert device.machine.driver == "570.86.15"
    assert clocks(device) == {"sm": 1410.0, "sm_max": 1410.0, "memory": 1593.0}


@pytest.mark.usefixtures("a100")
def test_what_a_gpu_does_not_say_takes_no_other_s_place(monkeypatch: pytest.MonkeyPatch) -> None:
    device = claimed_device("A100")
    monkeypatch.setattr("benchmarks.speed.device.query_gpu", lambda *_: [None, 1410.0, 1512.0])
    assert clocks(device) == {"sm_max": 1410.0, "memory": 1512.0}


@pytest.mark.usefixtures("a100")
def test_memory_in_use_is_of_the_whole_gpu() -> None:
    assert memory_used(claimed_device("A100")) == 2 * 2**30
    assert memory_used(claimed_device("cpu")) is None


@pytest.mark.usefixtures("a100")
@pytest.mark.parametrize("claim", ["V100", "A10", "A100 PCIe", "100", "L4"])
def test_another_gpu_is_refused_by_name(claim: str) -> None:
    with pytest.raises(WrongDevice, match=rf"--device {claim}: CUDA takes NVIDIA A100-SXM4"):
        claimed_device(claim)


@pytest.mark.usefixtures("a100")
def test_the_gpu_is_the_one_that_cuda_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongDevice, match="CUDA takes NVIDIA A100-SXM4-80GB here"):
        claimed_device("L4")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-04")
    device = claimed_device("L4")
    assert device.name == "NVIDIA L4"
    assert clocks(device)["sm"] == 300
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(WrongDevice, match=r"--device L4: CUDA_VISIBLE_DEVICES is ''"):
        claimed_device("L4")


@pytest.mark.parametrize(
    ("capability", "has"), [("7.0", False), ("7.5", False), ("8.0", True), ("12.0", True)]
)
def test_tf32_is_there_from_ampere_on(capability: str, has: bool) -> None:
    assert Device("a GPU", {}, Gpu("a GPU", capability, "580")).has_tf32 == has
    assert not claimed_device("cpu").has_tf32
