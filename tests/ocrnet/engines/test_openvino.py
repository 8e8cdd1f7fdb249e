"""What OpenVINO computes in: float32; between layers of 8 bits bfloat16 where the CPU has it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray

from ocrnet.artefacts import Precision, find_graphs
from ocrnet.engines import EngineOptions, open_engine
from ocrnet.engines.openvino import OpenVinoGraph, float_type
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec

pytestmark = pytest.mark.slow

IMAGES = draw_scene(0, 64, 128).image[None]


def _logits(root: Path, precision: Precision) -> NDArray[np.generic]:
    path = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    return OpenVinoGraph(path, precision=precision).run(IMAGES, "logits")


@pytest.mark.parametrize("capabilities", [["FP32", "INT8"], ["BF16", "FP32", "INT8"]])
def test_only_graphs_of_8_bits_have_bfloat16_between(
    capabilities: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: capabilities)
    assert float_type("float32") == "f32"
    assert float_type("int8") == ("bf16" if "BF16" in capabilities else "f32")


async def _served(root: Path, precision: Precision) -> NDArray[np.generic]:
    spec = get_spec("demo")
    graphs = find_graphs(root / "model_repository", spec, "exact")
    (graph,) = [one for one in graphs if one.fixed_size is None]
    graph = replace(graph, manifest=replace(graph.manifest, precision=precision))
    engine = open_engine(spec, [graph], EngineOptions())
    return await engine.infer(IMAGES, "logits")


def test_the_engine_goes_by_the_manifest(root: Path) -> None:
    exact, coarse = _logits(root, "float32"), _logits(root, "int8")
    np.testing.assert_array_equal(asyncio.run(_served(root, "float32")), exact)
    np.testing.assert_array_equal(asyncio.run(_served(root, "int8")), coarse)
    if float_type("int8") == "bf16":
        assert 1e-4 < np.abs(coarse - exact).max() / np.abs(exact).max() < 0.1
    else:
        np.testing.assert_array_equal(coarse, exact)
