"""Plans that do not fit their configurations are found before Triton is asked, by manifests."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from export.artefacts.targets import kinds_of
from export.graphs.ports import ports_of
from export.triton.agreement import disagreements
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.artefacts import BuildFacts, Kind, PlanFacts, PlanGpu, Precision, Profile, read_manifest
from ocrnet.zoo import ModelSpec, Size, get_spec
from tests.export.triton.plan_files import DEMO, built_with, put_plan

pytestmark = pytest.mark.slow


def _found(repository: Path, kind: Kind = "window", spec: ModelSpec = DEMO) -> list[str]:
    return disagreements(repository, spec, kind)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With the configurations of the demo."""
    write_configs(DEMO, tmp_path, Serving())
    return tmp_path


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize(
    "model", ["demo", "ocrnet_r101-d8_cityscapes_40k_b8", "ocrnet_hr48_ade20k_80k"]
)
def test_plans_as_they_are_built_fit(tmp_path: Path, model: str, precision: Precision) -> None:
    spec = get_spec(model)
    write_configs(spec, tmp_path, Serving())
    for kind in kinds_of(spec):
        plan = put_plan(tmp_path, kind, precision, spec=spec)
        assert not _found(tmp_path, kind, spec)
        # As manifests were before they had ports.
        manifest = plan.with_name(f"{plan.name}.manifest.json")
        facts = json.loads(manifest.read_text())
        del facts["build"]["ports"]
        manifest.write_text(json.dumps(facts))
        assert read_manifest(manifest).build.ports is None
        assert not _found(tmp_path, kind, spec)


def test_a_plan_for_smaller_batches_is_found_with_all_that_asks_for_more(repository: Path) -> None:
    plan = put_plan(repository, max_batch=4)
    config = plan.parents[1] / "config.pbtxt"
    assert _found(repository) == [
        f"{plan} takes [1, 512, 1024, 3] to [4, 512, 1024, 3], and {config} asks for more: "
        "max_batch_size 8; CUDA graphs of batch 5, 6, 7, 8; warm-up with batch 8. Build it again "
        "with 'ocrnet export build demo --to tensorrt --precision float16 --max-batch 8', or write "
        "the configurations with 'ocrnet export repository demo --max-batch 4'"
    ]
    write_configs(DEMO, repository, Serving(max_batch=4))
    assert not _found(repository)
    write_configs(DEMO, repository, Serving(max_batch=3))
    assert not _found(repository)


def test_a_plan_of_one_image_alone_is_found_and_can_be_served_as_such(repository: Path) -> None:
    put_plan(repository, "whole", "int8", max_batch=1)
    (found,) = _found(repository, "whole")
    assert "takes [1, 1024, 2048, 3] alone" in found
    assert "plan-int8.pbtxt asks for more: max_batch_size 8; CUDA graphs of batch 2, 3, 4," in found
    write_configs(DEMO, repository, Serving(max_batch=1))
    assert not _found(repository, "whole")


def test_a_dynamic_plan_that_is_too_small_for_its_warm_up_is_found(repository: Path) -> None:
    plan = put_plan(repository, "dynamic", max_size=Size(256, 2048))
    (found,) = _found(repository, "dynamic")
    assert found.startswith(f"{plan} takes [1, 1, 1, 3] to [1, 256, 2048, 3]")
    assert "warm-up with batch 1 of [512, 1024, 3]" in found
    assert "--precision float16 --max-size 512x1024' or larger" in found
    put_plan(repository, "dynamic", max_size=Size(512, 1024))
    assert not _found(repository, "dynamic")


def test_a_dynamic_configuration_with_batches_is_found(repository: Path) -> None:
    put_plan(repository, "dynamic")
    path = repository / "demo_dynamic" / "config.pbtxt"
    path.write_text(path.read_text().replace("max_batch_size: 1", "max_batch_size: 8"))
    (found,) = _found(repository, "dynamic")
    assert "asks for more: max_batch_size 8. Plans for any size take one image" in found


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        # For batches of 8 alone: a single image never runs.
        ([[8, 512, 1024, 3]] * 3, "single images 1; CUDA graphs of batch 1, 2, 3, 4, 5, 6, 7;"),
        (
            [[1, 512, 512, 3], [8, 512, 512, 3], [8, 512, 512, 3]],
            "single images 1 of [512, 1024, 3]",
        ),
        ([[1, 512, 1024], [8, 512, 1024], [8, 512, 1024]], "max_batch_size 8"),
        ([[], [], []], "max_batch_size 8"),
    ],
)
def test_other_profiles_that_do_not_fit_are_found(
    repository: Path, shapes: list[list[int]], said: str
) -> None:
    put_plan(repository, profile=Profile(*shapes))
    (found,) = _found(repository)
    assert said in found
    assert "Build it again with 'ocrnet export build demo" in found


def test_what_a_configuration_runs_is_compared_one_by_one(repository: Path) -> None:
    """A plan and a configuration for 4, apart from a CUDA graph or a warm-up."""
    put_plan(repository, max_batch=4)
    write_configs(DEMO, repository, Serving(max_batch=4))
    path = repository / "demo_window" / "config.pbtxt"
    good = path.read_text()
    graph = good.index("batch_size: 4", good.index("graph_spec"))
    path.write_text(good[:graph] + "batch_size: 6" + good[graph + len("batch_size: 4") :])
    contradiction, beyond = _found(repository)
    assert contradiction == (
        f"{path} contradicts itself: max_batch_size is 4, and it has CUDA graphs 6"
    )
    assert "asks for more: CUDA graphs of batch 6." in beyond
    head, warmup = good.split("model_warmup", 1)
    path.write_text(head + "model_warmup" + warmup.replace("batch_size: 4", "batch_size: 8"))
    contradiction, beyond = _found(repository)
    assert contradiction.endswith("it has warm-ups 8")
    assert "asks for more: warm-up with batch 8." in beyond
    path.write_text(good.replace("dim: [512, 1024, 3]", "dim: [512, 512, 3]"))
    (found,) = _found(repository)
    assert "CUDA graphs of batch 1 of [512, 512, 3], 2 of [512, 512, 3]" in found


def test_batches_of_onnx_graphs_are_compared_with_themselves(repository: Path) -> None:
    path = repository / "demo_window" / "configs" / "cpu.pbtxt"
    text = path.read_text()
    path.write_text(text.replace("max_batch_size: 8", "max_batch_size: 4"))
    (found,) = _found(repository)
    assert found == f"{path} contradicts itself: max_batch_size is 4, and it has warm-ups 8"
    path.write_text(
        text.replace("dynamic_batching {", "dynamic_batching {\n  preferred_batch_size: [4, 16]")
    )
    (found,) = _found(repository)
    assert found.endswith("max_batch_size is 8, and it has preferred_batch_size 16")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"precision": "int8"}, "it computes in int8"),
        (
            {"gpu": PlanGpu("NVIDIA H100", "9.0", "")},
            "built for compute capability 9.0, and is loaded on GPUs of 8.0",
        ),
        ({"gpu": None}, "built for compute capability unknown"),
        ({"format": "tensorrt_rtx"}, "tensorrt_rtx has built it"),
        ({"kind": "whole"}, "its manifest is of demo_whole"),
        (
            {"model": "ocrnet_hr18s_cityscapes_40k"},
            "its manifest is of ocrnet_hr18s_cityscapes_40k_window",
        ),
    ],
)
def test_another_plan_under_that_name_is_found(
    repository: Path, facts: dict[str, Any], said: str
) -> None:
    plan = put_plan(repository)
    put_plan(repository, **facts, file=plan.name)
    (found,) = _found(repository)
    assert found.startswith(f"{plan} is not what {repository}/demo_window/config.pbtxt names: ")
    assert said in found


def test_a_plan_that_gives_something_else_is_found(repository: Path) -> None:
    other = ports_of(DEMO, DEMO.crop, logits="FLOAT", labels=True)
    put_plan(repository, build=BuildFacts(ports=other, plan=built_with(2)))
    logits, labels = _found(repository)
    assert "'logits': the graph has FP32 [-1, 19, 128, 256], the configuration FP16" in logits
    assert "'labels': the graph has UINT8 [-1, 512, 1024], the configuration no such one" in labels
    # By its outputs alone, where a manifest is from before.
    put_plan(repository, build=BuildFacts(plan=built_with(2)), outputs=["logits", "labels"])
    (found,) = _found(repository)
    assert "'labels'" in found


@pytest.mark.parametrize("plan", [None, built_with(1)])
def test_a_plan_without_a_profile_for_single_images_is_found(
    repository: Path, plan: PlanFacts | None
) -> None:
    """One of an earlier version."""
    path = put_plan(repository, build=BuildFacts(plan=plan))
    (found,) = _found(repository)
    assert found == (
        f"{path} has no optimisation profile 1, which {repository}/demo_window/config.pbtxt names: "
        "build it again with 'ocrnet export build demo --to tensorrt --precision float16'"
    )
    write_configs(DEMO, repository, Serving(max_batch=1))
    assert not _found(repository)


def test_a_plan_that_no_configuration_loads_is_found(repository: Path) -> None:
    put_plan(repository, file="model_sm99_fp16.plan", gpu=PlanGpu("", "9.9", ""))
    (found,) = _found(repository)
    assert "model_sm99_fp16.plan is loaded by no configuration" in found
    assert "7.5, 8.0, 8.6" in found
    assert not disagreements(repository, DEMO, "window", {"model_sm80_fp16.plan"})


@pytest.mark.parametrize(
    "manifest",
    ["{", "[]", '{"model": "demo"}', '{"profile": 3}'],
    ids=["cut", "list", "old", "odd"],
)
def test_a_manifest_that_cannot_be_read_is_named(repository: Path, manifest: str) -> None:
    plan = put_plan(repository)
    path = plan.with_name(f"{plan.name}.manifest.json")
    path.write_text(manifest)
    (found,) = _found(repository)
    assert found.startswith(str(path))


@pytest.mark.parametrize(
    "profile",
    [{}, {"min": [1], "opt": [1]}, {"min": ["1"], "opt": ["1"], "max": ["8"]}],
)
def test_a_manifest_without_a_profile_is_named(repository: Path, profile: dict[str, Any]) -> None:
    plan = put_plan(repository)
    path = plan.with_name(f"{plan.name}.manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"profile": profile}))
    (found,) = _found(repository)
    assert found.startswith(f"{path} does not say which shapes the plan takes: build it again")


def test_a_plan_of_somebody_elses_making_has_nothing_to_compare(repository: Path) -> None:
    plan = put_plan(repository, max_batch=2)
    plan.with_name(f"{plan.name}.manifest.json").unlink()
    assert not _found(repository)
