"""A gateway process that all cases of a file are sent to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from corpus.case import mask_of
from corpus.png import png
from ocrnet.scenes import draw_scene


@pytest.fixture(scope="module")
def process(gateway_process: Callable[..., Any]) -> Any:
    return gateway_process("--log-format", "json")


@pytest.fixture(scope="module")
def good() -> bytes:
    return png(draw_scene(3, 64, 96).image)


@pytest.fixture(scope="module")
def expected(process: Any, good: bytes) -> np.ndarray:
    return mask_of(process.client, good)
