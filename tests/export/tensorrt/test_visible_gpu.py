"""The GPU that is named is the one that CUDA takes, whatever stands first in nvidia-smi's list."""

from pathlib import Path

import pytest

from export.tensorrt.api import Gpu, find_gpu
from ocrnet.errors import ArtefactError

A100 = "NVIDIA A100-SXM4-80GB, 8.0, 580.95.05"
T1000 = "NVIDIA T1000 8GB, 7.5, 580.95.05"
FIRST, SECOND, THIRD = (f"GPU-{start}" for start in ("1a2b-01", "1a2c-02", "9f00-03"))
INSTANCES = (
    f"GPU 0: NVIDIA A100-SXM4-80GB (UUID: {FIRST})\n"
    f"GPU 1: NVIDIA A100-SXM4-80GB (UUID: {SECOND})\n"
    "  MIG 3g.40gb     Device  0: (UUID: MIG-aa-1)\n"
    "  MIG 1g.10gb     Device  1: (UUID: MIG-ab-2)\n"
    f"GPU 2: NVIDIA A100-SXM4-80GB (UUID: {THIRD})\n"
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What stands for nvidia-smi, with these rows; and CUDA's variables."""

    def has(rows: list[str], visible: str | None = None, order: str = "") -> None:
        script = tmp_path / "nvidia-smi"
        listing, instances = (tmp_path / name for name in ("rows", "instances"))
        listing.write_text("\n".join(rows) + "\n")
        instances.write_text(INSTANCES)
        script.write_text(
            f'#!/bin/sh\ncase "$1" in -L) cat {instances} ;; *) cat {listing} ;; esac\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
        for name, value in (("CUDA_VISIBLE_DEVICES", visible), ("CUDA_DEVICE_ORDER", order)):
            monkeypatch.delenv(name, raising=False)
            if value:
                monkeypatch.setenv(name, value)
        if visible == "":
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    return has


ALIKE = [f"{A100}, {uuid}, Disabled" for uuid in (FIRST, SECOND, THIRD)]
DIVIDED = [ALIKE[0], f"{A100}, {SECOND}, Enabled", ALIKE[2]]
MIXED = [f"{T1000}, {FIRST}, [N/A]", f"{A100}, {SECOND}, Disabled"]


@pytest.mark.parametrize(
    ("visible", "uuid"),
    [
        (None, FIRST),
        ("0", FIRST),
        ("2", THIRD),
        ("2,0", THIRD),
        (" 1 , 2", SECOND),
        ("1,-1,0", SECOND),  # CUDA reads until what is not a device
        ("1,none", SECOND),
        ("2gpus", THIRD),  # as strtoul
        (SECOND, SECOND),
        (f"{THIRD},{FIRST}", THIRD),
        ("GPU-9", THIRD),  # the start of one alone
        ("GPU-1a2c", SECOND),
    ],
)
def test_cuda_visible_devices_chooses(machine, visible: str | None, uuid: str) -> None:
    machine(ALIKE, visible)
    assert find_gpu() == Gpu("NVIDIA A100-SXM4-80GB", "8.0", "580.95.05", uuid)


@pytest.mark.parametrize(
    "visible", ["", "-1", "3", "1,1", "NoDevFiles", "none,0", "GPU-7", "GPU-1a", f"{FIRST},{FIRST}"]
)
def test_what_hides_every_gpu_is_an_error_that_names_those_here(machine, visible: str) -> None:
    machine(ALIKE, visible)
    with pytest.raises(ArtefactError, match="name one of 0 to 2 or a UUID") as caught:
        find_gpu()
    assert f"CUDA_VISIBLE_DEVICES is {visible!r}" in str(caught.value)
    assert "NVIDIA A100-SXM4-80GB" in str(caught.value)


@pytest.mark.parametrize(
    ("visible", "order", "name"),
    [
        (None, "PCI_BUS_ID", "NVIDIA T1000 8GB"),
        ("1", "PCI_BUS_ID", "NVIDIA A100-SXM4-80GB"),
        (SECOND, "", "NVIDIA A100-SXM4-80GB"),
        (FIRST, "FASTEST_FIRST", "NVIDIA T1000 8GB"),
    ],
)
def test_gpus_of_several_kinds_are_chosen_by_their_place_on_the_bus_or_by_uuid(
    machine, visible: str | None, order: str, name: str
) -> None:
    machine(MIXED, visible, order)
    assert find_gpu().name == name


@pytest.mark.parametrize(("visible", "order"), [(None, ""), ("0", ""), ("1", "FASTEST_FIRST")])
def test_cuda_s_order_by_speed_is_not_guessed(machine, visible: str | None, order: str) -> None:
    machine(MIXED, visible, order)
    with pytest.raises(ArtefactError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        find_gpu()


@pytest.mark.parametrize(
    ("visible", "name", "uuid"),
    [
        ("MIG-ab-2", "NVIDIA A100-SXM4-80GB MIG 1g.10gb", SECOND),
        ("MIG-aa", "NVIDIA A100-SXM4-80GB MIG 3g.40gb", SECOND),
        ("1", "NVIDIA A100-SXM4-80GB MIG 3g.40gb", SECOND),  # CUDA takes the first alone
        (SECOND, "NVIDIA A100-SXM4-80GB MIG 3g.40gb", SECOND),
        ("0", "NVIDIA A100-SXM4-80GB", FIRST),
    ],
)
def test_a_part_of_a_gpu_is_named_as_cuda_names_it(
    machine, visible: str, name: str, uuid: str
) -> None:
    machine(DIVIDED, visible)
    found = find_gpu()
    assert (found.name, found.uuid) == (name, uuid)


def test_a_part_that_is_not_here_and_a_gpu_without_parts_are_told(machine) -> None:
    machine(DIVIDED, "MIG-ff")
    with pytest.raises(ArtefactError, match="none of the MIG instances here: MIG-aa-1, MIG-ab-2"):
        find_gpu()
    machine([f"{A100}, {FIRST}, Enabled"])
    with pytest.raises(ArtefactError, match="in MIG mode and has no instance"):
        find_gpu()
