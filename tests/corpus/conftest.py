"""A gateway process that all cases of a file are sent to, and what it must be like at the end."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corpus.case import mask_of
from corpus.png import png
from ocrnet.scenes import draw_scene
from tests.patience import wait_until


@pytest.fixture(scope="module")
def process(gateway_process: Callable[..., Any], good: bytes) -> Iterator[Any]:
    process = gateway_process("--log-format", "json")
    mask_of(process.client, good)
    before = _held(process.pid)
    yield process
    # Connections of raw sockets close a little later.
    wait_until(lambda: _held(process.pid) <= before, seconds=10, what=lambda: _held(process.pid))
    # Every request is counted once and logged once; probes are counted only. The last one's answer
    # may be here before its line is written.
    wait_until(lambda: _counted(process) == _logged(process), seconds=10)
    assert all(line["status"] < 500 or line["status"] == 504 for line in _access(process))
    metrics = process.client.get("/metrics").text
    for stage in ("arriving", "in work"):
        assert f'ocrnet_requests_held{{stage="{stage}"}} 0.0' in metrics


def _counted(process: Any) -> float:
    """Requests to /segment and what was no request, by the metrics."""
    metrics = process.client.get("/metrics").text
    counted = re.findall(r'ocrnet_requests_total\{.*route="(.*?)".*\} (\S+)', metrics)
    return sum(float(number) for route, number in counted if route in ("/segment", "none"))


def _logged(process: Any) -> int:
    """The same, by the log."""
    return len([line for line in _access(process) if line["route"] in ("/segment", "none")])


def _access(process: Any) -> list[dict[str, Any]]:
    """The log's lines about requests; all of its lines must be JSON."""
    lines = process.log.read_text().splitlines()
    assert [line for line in lines if line[:1] != "{"] == []
    return [line for line in map(json.loads, lines) if line["logger"] == "ocrnet.access"]


def _held(pid: int) -> int:
    """Open files and sockets of a process, and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(list(Path(f"/proc/{pid}/fd").iterdir())) + len(children)


@pytest.fixture(scope="module")
def good() -> bytes:
    return png(draw_scene(3, 64, 96).image)


@pytest.fixture(scope="module")
def expected(process: Any, good: bytes) -> np.ndarray:
    return mask_of(process.client, good)
