"""Peaks are of the very GPU: names that begin alike are others."""

import pytest

from benchmarks.speed.gpu_peaks import peaks_of

# TFLOPS in TF32 and float16 of names as drivers give them.
KNOWN = {
    "NVIDIA L4": (60, 121), "NVIDIA L40": (90.5, 181), "NVIDIA L40S": (183, 362),
    "NVIDIA A10": (62.5, 125), "NVIDIA A10G": (35, 70), "NVIDIA A30": (82, 165),
    "NVIDIA A40": (74.8, 149.7), "NVIDIA A2": (9, 18),
    "NVIDIA A100-SXM4-40GB": (156, 312), "NVIDIA A100-SXM4-80GB": (156, 312),
    "NVIDIA A100-PCIE-40GB": (156, 312), "NVIDIA A100 80GB PCIe": (156, 312),
    "A100-SXM4-40GB": (156, 312),
    "NVIDIA H100 PCIe": (378, 756), "NVIDIA H100 80GB HBM3": (494.7, 989.4),
    "NVIDIA H100 NVL": (417.5, 835.5), "NVIDIA H200": (494.7, 989.4),
    "NVIDIA H200 NVL": (417.5, 835.5), "NVIDIA GH200 480GB": (494.7, 989.4),
    "Tesla T4": (None, 65), "Tesla V100-SXM2-16GB": (None, 125),
    "Tesla V100-SXM2-32GB": (None, 125), "Tesla V100-PCIE-32GB": (None, 112),
    "Tesla V100S-PCIE-32GB": (None, 130),
    "NVIDIA RTX A4000": (38.3, 76.7), "NVIDIA RTX A5000": (55.6, 111.1),
    "NVIDIA RTX A6000": (77.4, 154.8), "NVIDIA RTX 6000 Ada Generation": (182.1, 364.2),
}  # fmt: skip


@pytest.mark.parametrize(("gpu", "peaks"), KNOWN.items())
def test_a_gpu_has_the_peaks_of_its_data_sheet(gpu: str, peaks: tuple[float | None, float]) -> None:
    found = peaks_of(gpu)
    tf32, float16 = peaks
    assert found["float16"] == 500 * float16
    assert found.get("tf32") == (None if tf32 is None else 500 * tf32)
    assert 0 < found["float32"] < found["float16"]


@pytest.mark.parametrize(
    "gpu",
    [
        # Their names hold one of the above.
        "NVIDIA L20", "NVIDIA T400", "NVIDIA T400 4GB", "NVIDIA T1000 8GB", "NVIDIA A1000",
        "NVIDIA A16", "NVIDIA RTX A400", "NVIDIA RTX A1000", "NVIDIA RTX A2000 12GB",
        "NVIDIA RTX A4500", "NVIDIA RTX A5500", "NVIDIA RTX A4000 Laptop GPU", "NVIDIA H100",
        "NVIDIA H100 64GB HBM2", "NVIDIA H20", "NVIDIA A800-SXM4-80GB", "NVIDIA A800 80GB PCIe",
        "NVIDIA RTX 4000 SFF Ada Generation", "Quadro RTX 6000", "NVIDIA B200", "NVIDIA GB200",
        "NVIDIA RTX PRO 6000 Blackwell Server Edition", "Tesla K80", "Tesla P100-PCIE-16GB",
        "Tesla V100-DGXS-32GB", "NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 3090 Ti",
        # Parts of a GPU.
        "NVIDIA A100-SXM4-80GB MIG 3g.40gb", "NVIDIA H200 MIG 1g.18gb", "GRID A100-4C",
        "NVIDIA L40S-48Q", "NVIDIA A10-24Q", "GRID T4-16Q", "NVIDIA L4-24C",
        "", "L",
    ],
)  # fmt: skip
def test_of_any_other_gpu_no_peak_is_known(gpu: str) -> None:
    assert peaks_of(gpu) == {}
