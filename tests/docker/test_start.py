"""Which models the start script of the Triton containers serves, by real folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.triton_container import A100, CPU, H100, PLANS, V100, Container

pytestmark = pytest.mark.slow


def test_a_model_that_is_not_built_is_left_out_and_the_others_are_served(
    container: Container,
) -> None:
    container.add_model("demo_dynamic", CPU, "model.onnx")
    container.add_model("demo_window", CPU)
    run = container.run("--exit-timeout-secs=30")
    assert (run.status, run.served) == (0, [["demo_dynamic"]])
    assert run.arguments == ["--exit-timeout-secs=30"]
    assert "Left out: demo_window: its folder 1 is missing, with model.onnx in it." in run.said
    assert "    ocrnet export build demo --to onnx\n" in run.said


def test_the_demo_s_repository_starts_as_git_holds_it(
    root: Path, container: Container, tracked: Callable[..., list[str]]
) -> None:
    for name in tracked("model_repository"):
        copy = container.models.parent / "models" / Path(name).relative_to("model_repository")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / name).read_bytes())
    run = container.run("--model-config-name=cpu")
    assert run.status == 0
    assert "demo_dynamic" in run.served[0]
    assert "--model-config-name=cpu" in run.arguments
    container.add_gpus(A100)
    assert container.run().left_out("demo_window", "A100", "ocrnet export build demo --to tensorrt")


def test_without_any_plan_it_says_how_to_build_them(container: Container) -> None:
    container.add_gpus(A100)
    for kind in ("dynamic", "window", "whole"):
        container.add_model(f"demo_{kind}", PLANS)
    run = container.run("--export-command=docker compose run --rm export")
    assert run.left_out("demo_dynamic, demo_whole, demo_window", "model_sm80_fp16.plan")
    commands = [line for line in run.said.splitlines() if line.startswith("    ")]
    assert commands == ["    docker compose run --rm export build demo --to tensorrt"]


@pytest.mark.parametrize(
    ("gpus", "plans", "whole"),
    [
        ([A100], ["80"], True),
        ([A100], ["90"], False),
        ([A100, A100], ["80"], True),
        ([A100, H100], ["80"], False),
        ([A100, H100], ["90"], False),
        ([A100, H100], ["80", "90"], True),
        ([V100], ["80", "90"], False),
    ],
)
def test_every_gpu_needs_its_plan(
    container: Container, gpus: list[tuple[str, str, str]], plans: list[str], whole: bool
) -> None:
    container.add_gpus(*gpus)
    container.add_model("demo_window", PLANS, *(f"model_sm{plan}_fp16.plan" for plan in plans))
    run = container.run()
    assert (run.status == 0) == whole, run.said
    if not whole:
        assert any(gpu[2] in run.said for gpu in gpus)


def test_a_gpu_without_plans_is_sent_to_onnx(container: Container) -> None:
    container.add_gpus(V100)
    container.add_model("demo_window", PLANS)
    container.add_model("demo_window", CPU.replace("_CPU", "_GPU"), "model.onnx", variant="onnx")
    assert container.run().left_out(
        "7.0 (Tesla V100)", "--model-config-name=onnx", "--to onnx-fp16"
    )
    assert container.run("--model-config-name=onnx").served == [["demo_window"]]


@pytest.mark.parametrize(
    ("variables", "served"),
    [
        ({"CUDA_VISIBLE_DEVICES": "GPU-a"}, True),
        ({"CUDA_VISIBLE_DEVICES": "GPU-h"}, False),
        ({"CUDA_VISIBLE_DEVICES": "GPU-h,GPU-a"}, False),
        ({"CUDA_VISIBLE_DEVICES": "1"}, False),  # CUDA's own order is not nvidia-smi's
        ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, True),
        ({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, False),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, False),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, True),
        ({"CUDA_VISIBLE_DEVICES": ""}, False),
        ({"CUDA_VISIBLE_DEVICES": "7", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, False),
    ],
)
def test_only_gpus_that_triton_uses_count(
    container: Container, variables: dict[str, str], served: bool
) -> None:
    container.add_gpus(A100, H100)
    container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    container.variables |= variables
    run = container.run()
    assert (run.status == 0) == served, run.said


def test_instance_groups_choose_gpus(container: Container) -> None:
    container.add_gpus(A100, H100)
    config = PLANS.replace("count: 2", "count: 1 gpus: [ 0 ]")
    container.add_model("demo_window", config, "model_sm80_fp16.plan")
    assert container.run().status == 0


@pytest.mark.parametrize(
    ("smi", "said"),
    [
        (None, "there is no nvidia-smi"),
        ("echo 'driver not loaded' >&2; exit 9", "driver not loaded"),
        ("exit 0", "lists no GPU"),
        ("echo 'GPU-x, [N/A], Old'", "does not say the compute capability"),
        ("printf '\\377\\376'", "does not say the compute capability"),
    ],
)
def test_without_a_gpu_plans_are_left_out_and_cpus_serve(
    container: Container, smi: str | None, said: str
) -> None:
    if smi:
        container.add_program("nvidia-smi", f"#!/bin/sh\n{smi}\n")
    container.add_model("demo_window", PLANS, "model.onnx", "model_sm80_fp16.plan")
    container.add_model("demo_window", CPU, variant="cpu")
    assert container.run().left_out(said, "--model-config-name=cpu")
    assert container.run("--model-config-name=cpu").served == [["demo_window"]]


@pytest.mark.parametrize(
    ("variant", "file", "command"),
    [
        ("plan-int8", "model_sm80_int8.plan", "build demo --to tensorrt --precision int8"),
        ("plan-float32", "model_sm80.plan", "build demo --to tensorrt --precision float32"),
        ("onnx", "model_fp16.onnx", "build demo --to onnx-fp16"),
        ("onnx-int8", "model_int8.onnx", "build demo --to onnx-int8"),
        ("of-your-own", "engine.plan", "build demo --to tensorrt"),
    ],
)
def test_any_configuration_can_be_chosen(
    container: Container, variant: str, file: str, command: str
) -> None:
    container.add_gpus(A100)
    config = PLANS.replace("model_sm80_fp16.plan", file)
    container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    container.add_model("demo_window", config, variant=variant)
    run = container.run(f"--model-config-name={variant}")
    assert run.left_out(f"{file} is missing", f"    ocrnet export {command}\n")
    container.add_model("demo_window", config, file, variant=variant)
    run = container.run("--model-config-name", variant)
    assert (run.served, run.arguments) == ([["demo_window"]], [f"--model-config-name={variant}"])


def test_a_configuration_that_a_model_lacks_is_its_usual_one(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    assert container.run("--model-config-name=onnx").served == [["demo_window"]]
