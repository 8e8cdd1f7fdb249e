"""`make serve` on a fresh clone: which graph runs what, and that it is said."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow


# What git holds; `make serve` starts the first, README names the second.
@pytest.mark.parametrize(
    ("flags", "window", "said"),
    [
        (
            (),
            "float32",
            "demo: 512x1024 float32, rewritten graph; other sizes float32, plain graph",
        ),
        (
            ("--fast", "demo"),
            "int8",
            "demo: 512x1024 INT8, rewritten graph; other sizes float32, plain graph",
        ),
    ],
)
def test_a_fresh_clone_serves_windows_by_the_rewritten_graph_and_says_so(
    gateway_process: Callable[..., Any],
    encode: Callable[..., bytes],
    flags: tuple[str, ...],
    window: str,
    said: str,
) -> None:
    process = gateway_process(*flags)
    client = process.client
    assert said in process.log.read_text().splitlines()
    graphs = {graph["size"]: graph for graph in client.get("/models/demo").json()["graphs"]}
    assert {size: graph["precision"] for size, graph in graphs.items()} == {
        "512x1024": window,
        "any": "float32",
    }
    assert graphs["any"]["passes"] == []
    assert {"split_bottleneck", "token_head"} <= set(graphs["512x1024"]["passes"])
    for height, width in ((64, 96), (512, 1024)):
        data = encode(np.zeros((height, width, 3), np.uint8))
        answer = client.post("/segment", files={"image": data})
        assert answer.status_code == 200, answer.text
        assert Image.open(BytesIO(answer.content)).size == (width, height)
