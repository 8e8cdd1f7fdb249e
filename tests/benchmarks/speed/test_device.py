"""--device is a claim, and it is checked."""

from pathlib import Path

import pytest

from benchmarks.lib.machine import clock_mhz, cores, processor
from benchmarks.speed.device import WrongDevice, claimed_device, clocks, memory_used


@pytest.fixture
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def a100(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for nvidia-smi on a machine with one."""
    script = tmp_path / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "  *name,compute_cap*) echo 'NVIDIA A100-SXM4-80GB, 8.0, 570.86.15' ;;\n"
        "  *clocks.sm*) echo '1410, 1410, 1593' ;;\n"
        "  *memory.used*) echo '2048' ;;\n"
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")


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
def test_memory_in_use_is_of_the_whole_gpu() -> None:
    assert memory_used(claimed_device("A100")) == 2 * 2**30
    assert memory_used(claimed_device("cpu")) is None


@pytest.mark.usefixtures("a100")
@pytest.mark.parametrize("claim", ["V100", "A10", "A100 PCIe", "100"])
def test_another_gpu_is_refused_by_name(claim: str) -> None:
    with pytest.raises(WrongDevice, match=rf"--device {claim}: the GPU here is NVIDIA A100-SXM4"):
        claimed_device(claim)
