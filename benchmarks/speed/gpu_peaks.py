"""What GPUs could do, by the exact name that nvidia-smi gives them.

A name that only begins alike is another GPU (an L40 is no L4, a T400 no T4), and a part of a GPU
(MIG, vGPU) does less than the whole: those have no peak here.
"""

# TFLOPS without sparsity, from NVIDIA's data sheets and architecture white papers: float32 outside
# the tensor cores, TF32 inside (None: there is none), float16 inside with float32 sums.
_PEAKS: dict[tuple[str, ...], tuple[float, float | None, float]] = {
    ("V100-PCIE-16GB", "V100-PCIE-32GB"): (14.0, None, 112.0),
    ("V100-SXM2-16GB", "V100-SXM2-32GB"): (15.7, None, 125.0),
    ("V100S-PCIE-32GB",): (16.4, None, 130.0),
    ("T4",): (8.1, None, 65.0),
    (
        "A100-SXM4-40GB", "A100-SXM4-80GB", "A100-PCIE-40GB", "A100-PCIE-80GB", "A100 80GB PCIe",
    ): (19.5, 156.0, 312.0),
    ("A30",): (10.3, 82.0, 165.0),
    ("A40",): (37.4, 74.8, 149.7),
    ("A10",): (31.2, 62.5, 125.0),
    ("A10G",): (31.5, 35.0, 70.0),
    ("A2",): (4.5, 9.0, 18.0),
    ("RTX A6000",): (38.7, 77.4, 154.8),
    ("RTX A5000",): (27.8, 55.6, 111.1),
    ("RTX A4000",): (19.2, 38.3, 76.7),
    ("L4",): (30.3, 60.0, 121.0),
    ("L40",): (90.5, 90.5, 181.0),
    ("L40S",): (91.6, 183.0, 362.0),
    ("RTX 6000 Ada Generation",): (91.1, 182.1, 364.2),
    ("H100 PCIe",): (51.2, 378.0, 756.0),
    ("H100 80GB HBM3",): (66.9, 494.7, 989.4),  # SXM
    ("H100 NVL", "H200 NVL"): (60.0, 417.5, 835.5),
    ("H200", "GH200 120GB", "GH200 480GB"): (66.9, 494.7, 989.4),
}  # fmt: skip
_BY_NAME = {name: peaks for names, peaks in _PEAKS.items() for name in names}
_MAKERS = ("NVIDIA ", "Tesla ")  # before the name, by the driver's age


def peaks_of(gpu: str) -> dict[str, float]:
    """Return GMAC/s by `float32`, `tf32` and `float16`, as far as known; empty for other GPUs.

    gpu: the name as nvidia-smi gives it.
    """
    name = gpu.strip()
    for maker in _MAKERS:
        name = name.removeprefix(maker)
    if name not in _BY_NAME:
        return {}
    known = zip(("float32", "tf32", "float16"), _BY_NAME[name], strict=True)
    return {arithmetic: 500 * peak for arithmetic, peak in known if peak is not None}
