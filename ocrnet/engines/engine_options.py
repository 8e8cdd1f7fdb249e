"""How an engine in this process runs; defaults by measurement (docs/production.md)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Runtime = Literal["openvino", "onnxruntime"]


@dataclass(frozen=True)
class EngineOptions:
    """What runs a model's graphs, and on what.

    threads: of all calls together; 0 takes the machine's cores. streams: calls that run side by
    side, sharing the threads. pin: bind threads to cores, None as the runtime sees fit (OpenVINO
    alone). cache: folder of compiled graphs for the next start, None: none (OpenVINO alone).
    """

    runtime: Runtime = "openvino"
    threads: int = 0
    streams: int = 1
    pin: bool | None = None
    cache: Path | None = None


DEFAULTS = EngineOptions()
