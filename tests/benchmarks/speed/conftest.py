"""Results as fps.py writes them, of made-up figures."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.lib.architectures import architectures
from benchmarks.speed.case import published_size

_FPS = {"hr18s": 0.16, "hr18": 0.1, "hr48": 0.04, "r101-d8": 0.03}
_TIMES = {"torch float32": 1.0, "openvino float32": 2.4, "openvino int8": 6.5}


@pytest.fixture
def made_up() -> Callable[..., dict[str, Any]]:
    return _content


def _content(device: str = "A CPU, 2 cores") -> dict[str, Any]:
    """All architectures by three engines, HRNet-W48 on VOC by none."""
    results = []
    for name, specs in architectures().items():
        size = published_size(specs[0])
        for key, times in _TIMES.items():
            engine, precision = key.split()
            result: dict[str, Any] = {
                "architecture": name, "model": specs[0].name, "engine": engine,
                "precision": precision, "graph": "plain", "mode": "whole", "batch": 1,
                "concurrency": 1, "height": size.height, "width": size.width,
            }  # fmt: skip
            if name == "hr48_voc12":
                result["error"] = "its process was killed"
            else:
                fps = _FPS[specs[0].backbone] * times * (2048 * 1024 / size.pixels)
                result |= {
                    "weights": "stand-in", "boundary": f"by {engine}", "calls": 9, "warmup": 2,
                    "fps": fps, "p50_ms": 1000 / fps, "p95_ms": 1100 / fps, "gmac": 330.2,
                    "peak_mb": 2000, "clocks_mhz": {}, "seconds": [1 / fps],
                }  # fmt: skip
            results.append(result)
    return {
        "date": "2026-11-25",
        "note": "Beside nothing.",
        "machine": {"device": device, "cores": 2, "vector_units": ["avx2"]},
        "peaks_gmac_s": {"float32": 140.0},
        "versions": {"python": "3.11", "torch": "2"},
        "settings": {"warmup": 5, "images": 200, "seconds": 60.0, "threads": 0},
        "models": {key: [spec.name for spec in specs] for key, specs in architectures().items()},
        "results": results,
    }
