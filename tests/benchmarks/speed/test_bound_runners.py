"""Runtimes bound to the device's memory, and how they are told about TF32; without a GPU."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.speed import device_runners
from benchmarks.speed.case import Case
from benchmarks.speed.device import Device, claimed_device
from benchmarks.speed.device_runners import BoundPlan, bound_runner, torch_runner
from benchmarks.speed.graph_runtimes import onnxruntime_options, target_of
from benchmarks.speed.places import Places
from benchmarks.speed.torch_ways import set_tf32
from export.artefacts.targets import Target
from export.graphs.source import DEMO_WEIGHTS, Source
from export.tensorrt.api import Gpu
from ocrnet.zoo import get_spec

SPEC = get_spec("demo")
H200 = Device("NVIDIA H200", {}, Gpu("NVIDIA H200", "9.0", "580"))
CASE = Case(
    SPEC.architecture, SPEC.name, "tensorrt-bound", "float16", "plain", "whole", 1, 1, 8, 16
)  # fmt: skip


class _Runner:
    """In the place of Polygraphy's, which needs a GPU."""

    def __init__(self, outputs: dict[str, torch.Tensor]):
        self.outputs = outputs
        self.calls: list[tuple[torch.Tensor, bool]] = []

    def infer(
        self, given: dict[str, torch.Tensor], copy_outputs_to_host: bool = True
    ) -> dict[str, torch.Tensor]:
        self.calls.append((given["image"], copy_outputs_to_host))
        return self.outputs


def _plan(runner: _Runner) -> BoundPlan:
    plan = BoundPlan.__new__(BoundPlan)
    plan._runner, plan._failure = runner, RuntimeError
    plan.outputs = frozenset(runner.outputs)
    return plan


def test_a_plan_s_outputs_stay_where_they_are() -> None:
    images = torch.zeros(1, 8, 16, 3, dtype=torch.uint8)
    logits = torch.zeros(1, SPEC.classes, 2, 4, dtype=torch.float16)
    logits[:, 3] = 1
    labels = torch.full((1, 8, 16), 7, dtype=torch.uint8)
    runner = _Runner({"logits": logits, "labels": labels})
    assert _plan(runner).bind(SPEC)(images)[1] is labels
    ((given, copied),) = runner.calls
    assert given is images
    assert not copied
    found, by_torch = _plan(_Runner({"logits": logits})).bind(SPEC)(images)
    assert found is logits
    assert by_torch.shape == (1, 8, 16)
    assert torch.all(by_torch == 3)


@pytest.mark.parametrize("outputs", [("logits",), ("logits", "labels")])
def test_a_row_says_whether_the_plan_labels(
    outputs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = {"logits": torch.zeros(1, 19, 2, 4), "labels": torch.zeros(1, 8, 16)}
    plan = _plan(_Runner({name: tensors[name] for name in outputs}))
    monkeypatch.setattr(device_runners, "BoundPlan", lambda path: plan)
    images = np.zeros((1, 8, 16, 3), np.uint8)
    runner = bound_runner(CASE, Path("model.plan"), SPEC, claimed_device("cpu"), images, 0)
    assert runner.labels_by == ("graph" if "labels" in outputs else "CPU")


def test_pytorch_s_row_says_how_long_it_took_to_open_only_where_something_was_built() -> None:
    case = replace(CASE, engine="torch", precision="float32", height=32, width=64)
    images = np.zeros((1, 32, 64, 3), np.uint8)
    source = Source(SPEC, str(DEMO_WEIGHTS))
    runner = torch_runner(case, source, claimed_device("cpu"), images)
    assert (runner.labels_by, runner.compile_seconds) == ("CPU", None)


@pytest.mark.parametrize(("precision", "tf32"), [("tf32", "1"), ("float32", "0"), ("float16", "0")])
def test_each_runtime_is_told_whether_to_round(precision, tf32: str) -> None:
    case = replace(CASE, engine="onnxruntime", precision=precision)
    _, (provider, options) = onnxruntime_options(H200, 0, tf32=case.tf32)
    assert (provider, options) == ("CUDAExecutionProvider", {"use_tf32": tf32})
    assert onnxruntime_options(claimed_device("cpu"), 0)[1] == ("CPUExecutionProvider", {})
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        set_tf32(case.tf32)
        assert torch.backends.cudnn.allow_tf32 == (precision == "tf32")
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.backends.cuda.matmul.allow_tf32 = products


def test_plans_with_and_without_tf32_do_not_share_a_file() -> None:
    places = Places(Path("graphs"))
    with_tf32, without = (replace(CASE, precision=one) for one in ("tf32", "float32"))
    assert target_of(with_tf32, H200) == target_of(without, H200)
    assert target_of(without, H200) == Target("tensorrt", "float32", "9.0")
    assert places.of(with_tf32) != places.of(without) == Path("graphs/plain")
    # A setting of its session alone.
    bound = replace(with_tf32, engine="onnxruntime-bound")
    assert places.of(bound) == Path("graphs/plain")
    assert target_of(bound, H200) == Target("onnx", "float32")
