"""What engines are measured against computes what they compute."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib.bare_runtimes import onnxruntime_run, openvino_run
from ocrnet.engines.openvino import OpenVinoGraph
from ocrnet.scenes import draw_scene

pytestmark = pytest.mark.slow


def test_bare_runtimes_give_the_engine_s_logits(root: Path) -> None:
    path = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    images = np.stack([draw_scene(seed, 64, 96).image for seed in range(2)])
    expected = OpenVinoGraph(path).run(images, "logits")
    free, of_two = openvino_run(path), openvino_run(path, batch=2)
    for found in (
        free(images)["logits"],
        of_two(images)["logits"],
        onnxruntime_run(path)(images)[0],
    ):
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
