"""Who turns logits into labels, and what an engine is asked for."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.speed.case import Case
from benchmarks.speed.open_runner import engine_runner
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")
LOGITS, BOTH = frozenset({"logits"}), frozenset({"logits", "labels"})
CASE = Case(
    SPEC.architecture, SPEC.name, "tensorrt", "float16", "plain", "whole", 1, 1, 64, 96
)  # fmt: skip


class _Engine(FakeEngine):
    """Remembers what it was asked for."""

    def __init__(self, labels_at: set[Size]) -> None:
        super().__init__(SPEC.classes, SPEC.output_stride, labels_at)
        self.asked: list[tuple[OutputName, int]] = []

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.asked.append((output, len(images)))
        return await super().infer(images, output)


@pytest.mark.parametrize(
    ("outputs", "changed", "asked", "labels_by"),
    [
        (BOTH, {}, ("labels", 1), "graph"),
        (BOTH, {"batch": 3}, ("labels", 3), "graph"),
        (LOGITS, {}, ("logits", 1), "CPU"),
        (LOGITS, {"batch": 3}, ("logits", 3), "CPU"),
        # Windows are stitched from their logits, whatever the graph has.
        (BOTH, {"mode": "slide", "height": 1024, "width": 2048}, ("logits", 1), "CPU"),
    ],
)
def test_labels_are_the_graph_s_where_it_has_them(outputs, changed, asked, labels_by) -> None:
    case = replace(CASE, **changed)
    engine = _Engine({case.size} if outputs is BOTH else set())
    images = np.zeros((case.batch, case.height, case.width, 3), np.uint8)
    runner = engine_runner(case, SPEC, engine, images, "over there and back, ", "int8")
    asyncio.run(runner.call())
    assert set(engine.asked) == {asked}
    assert runner.labels_by == labels_by
    assert runner.served_precision == "int8"
    assert "over there and back" in runner.boundary
    assert ("graph to labels" in runner.boundary) == (labels_by == "graph")
