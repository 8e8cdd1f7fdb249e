"""How an engine in this process runs; defaults by measurement (docs/production.md)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Runtime = Literal["openvino", "onnxruntime"]
Device = Literal["cpu", "cuda", "auto"]

Provider = tuple[str, dict[str, str]]
"""An execution provider of ONNX Runtime: its name and its options."""


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use; index: among those that CUDA_VISIBLE_DEVICES leaves."""

    index: int
    name: str
    compute_capability: str

    def __str__(self) -> str:
        return f"GPU {self.index} ({self.name}, compute capability {self.compute_capability})"


@dataclass(frozen=True)
class EngineOptions:
    """What runs a model's graphs, and on what.

    threads: of all calls together; 0 takes the machine's cores. streams: calls that run side by
    side, sharing the threads. pin: bind threads to cores, None as the runtime sees fit (OpenVINO
    alone). cache: folder of compiled graphs for the next start, None: none (OpenVINO alone).
    gpu: where ONNX Runtime runs them instead, whatever the options before say; None: on the CPU.
    max_batch: images of one run on the GPU.
    """

    runtime: Runtime = "openvino"
    threads: int = 0
    streams: int = 1
    pin: bool | None = None
    cache: Path | None = None
    gpu: Gpu | None = None
    max_batch: int = 8


DEFAULTS = EngineOptions()
