"""PyTorch's ways that need a GPU give what the network gives; skipped without one."""

import asyncio
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from benchmarks.speed.case import ARITHMETICS, Case
from benchmarks.speed.device import claimed_device
from benchmarks.speed.graph_runtimes import load_graph, ready_graph, target_of
from benchmarks.speed.open_runner import engine_runner
from benchmarks.speed.torch_ways import open_label, set_tf32, way
from export import load_model
from export.graphs.source import DEMO_WEIGHTS, Source
from export.tensorrt.api import find_gpu
from ocrnet.engines.in_process import InProcessEngine
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")
SPEC = get_spec("demo")
# The largest error of the logits over the largest logit.
_ERRORS = {"float32": 1e-4, "tf32": 1e-2, "float16": 3e-2}


@pytest.mark.parametrize("precision", [one for one in ARITHMETICS if one != "int8"])
@pytest.mark.parametrize("engine", ["torch", "torch-graph", "torch-graph-channels-last"])
def test_a_way_is_within_its_precision(engine, precision) -> None:
    scene = torch.from_numpy(draw_scene(0, 128, 256).image[None])
    with torch.inference_mode():
        expected = load_model(SPEC, DEMO_WEIGHTS)(scene)
    set_tf32(precision == "tf32")
    network = load_model(SPEC, DEMO_WEIGHTS).cuda()
    logits, labels = open_label(network, SPEC, way(engine, precision), scene.cuda())(scene.cuda())
    error = (logits.float().cpu() - expected).abs().max() / expected.abs().max()
    assert float(error) <= _ERRORS[precision]
    assert labels.shape == (1, 128, 256)


@pytest.mark.slow
def test_compiled_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = torch.from_numpy(draw_scene(0, 64, 96).image[None]).cuda()
    network = load_model(SPEC, DEMO_WEIGHTS).cuda()
    expected, _ = open_label(network, SPEC, way("torch", "float32"), scene)(scene)
    found, _ = open_label(network, SPEC, way("torch-compile", "float32"), scene)(scene)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-2 * float(expected.abs().max()))


def test_the_device_is_the_one_that_pytorch_takes() -> None:
    assert find_gpu().name == torch.cuda.get_device_name(0)


def test_labels_of_a_whole_image_are_computed_on_the_gpu(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is not installed")
    assert SPEC.whole is not None
    device, size = claimed_device(find_gpu().name), SPEC.whole
    case = Case(
        SPEC.architecture, SPEC.name, "onnxruntime", "float16", "plain", "whole", 1, 1,
        size.height, size.width,
    )  # fmt: skip
    source = Source(SPEC, str(DEMO_WEIGHTS))
    path = ready_graph(source, "whole", target_of(case, device), tmp_path, optimised=False)
    graph = load_graph(case, path, device, 0)
    images = draw_scene(0, size.height, size.width).image[None]
    runner = engine_runner(case, SPEC, InProcessEngine(SPEC, {None: graph}), images)
    assert runner.labels_by == "graph"
    asyncio.run(runner.call())
    logits = graph.run(images, "logits")[0].astype(np.float32)
    expected = upsample_argmax(logits, size, align_corners=SPEC.align_corners)
    assert np.mean(graph.run(images, "labels")[0] != expected) <= 1e-3
