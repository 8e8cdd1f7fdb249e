"""Triton's configurations, read with Triton's own schema."""

import re
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import (
    TYPE_FP16,
    TYPE_FP32,
    TYPE_UINT8,
    ModelConfig,
    ModelInput,
    ModelInstanceGroup,
    ModelQueuePolicy,
)

from benchmarks.lib.architectures import architectures
from export.artefacts.targets import kinds_of
from export.graphs.onnx_export import fixed_size
from export.triton.config_files import config_files, loadable_kinds
from export.triton.models import VARIANTS, Serving, Variant, model_config
from export.triton.pbtxt import format_config
from ocrnet.cli import main
from ocrnet.zoo import get_spec, load_zoo

DEMO = get_spec("demo")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("architecture", architectures())
def test_a_configuration_is_read_back_as_it_was_written(
    architecture: str, variant: Variant
) -> None:
    spec = architectures()[architecture][0]
    for kind in kinds_of(spec):
        config = model_config(spec, kind, fixed_size(spec, kind), variant, Serving())
        assert text_format.Parse(format_config(config), ModelConfig()) == config


def test_text_is_escaped_and_empty_fields_are_left_out() -> None:
    config = ModelConfig(
        name='a "b"\n\\',
        input=[ModelInput(name="x", data_type=TYPE_FP16)],
        instance_group=[ModelInstanceGroup(kind=ModelInstanceGroup.KIND_CPU, count=3)],
    )
    assert format_config(config) == (
        'name: "a \\"b\\"\\n\\\\"\n'
        'input {\n  name: "x"\n  data_type: TYPE_FP16\n}\n'
        "instance_group {\n  kind: KIND_CPU\n  count: 3\n}\n"
    )


def test_a_window_graph_is_served_as_it_was_asked_for() -> None:
    serving = Serving(max_batch=2, queue_delay=70, queue_size=9, queue_timeout=5, instances=3)
    texts = config_files(DEMO, serving)
    window = text_format.Parse(texts["demo_window/config.pbtxt"], ModelConfig())
    assert window.platform == "tensorrt_plan"
    assert list(window.version_policy.specific.versions) == [1]
    assert window.dynamic_batching.max_queue_delay_microseconds == 70
    assert window.dynamic_batching.default_queue_policy == ModelQueuePolicy(
        timeout_action=ModelQueuePolicy.REJECT,
        default_timeout_microseconds=5_000_000,
        allow_timeout_override=True,
        max_queue_size=9,
    )
    (group,) = window.instance_group
    assert (group.kind, group.count) == (ModelInstanceGroup.KIND_GPU, 3)
    for warmup in window.model_warmup:
        image = warmup.inputs["image"]
        assert (image.data_type, list(image.dims)) == (TYPE_UINT8, [512, 1024, 3])
        assert image.zero_data
    for spec in window.optimization.cuda.graph_spec:
        assert list(spec.input["image"].dim) == [512, 1024, 3]
    on_cpu = text_format.Parse(texts["demo_window/configs/cpu.pbtxt"], ModelConfig())
    (group,) = on_cpu.instance_group
    assert (group.kind, group.count) == (ModelInstanceGroup.KIND_CPU, 1)


def test_every_model_has_all_variants_of_each_graph() -> None:
    for spec in load_zoo().values():
        files = config_files(spec, Serving())
        assert len(files) == len(VARIANTS) * len(kinds_of(spec))
        for name, text in files.items():
            parsed = text_format.Parse(text, ModelConfig())
            assert name.startswith(f"{parsed.name}/")
            assert parsed.output[0].dims[0] == spec.classes


@pytest.mark.parametrize(
    ("place", "file", "logits", "labels"),
    [
        ("config.pbtxt", "model_sm90_fp16.plan", TYPE_FP16, True),
        ("configs/plan-float32.pbtxt", "model_sm90.plan", TYPE_FP32, True),
        ("configs/plan-int8.pbtxt", "model_sm90_int8.plan", TYPE_FP16, True),
        ("configs/onnx.pbtxt", "model_fp16.onnx", TYPE_FP16, True),
        ("configs/onnx-int8.pbtxt", "model_int8.onnx", TYPE_FP32, True),
        ("configs/cpu.pbtxt", "model.onnx", TYPE_FP32, False),
    ],
)
def test_each_variant_serves_its_own_artefact(
    place: str, file: str, logits: int, labels: bool
) -> None:
    for kind in ("dynamic", "window", "whole"):
        config = text_format.Parse(
            config_files(DEMO, Serving())[f"demo_{kind}/{place}"], ModelConfig()
        )
        plans = config.platform == "tensorrt_plan"
        assert plans == file.endswith(".plan")
        loaded = config.cc_model_filenames["9.0"] if plans else config.default_model_filename
        assert loaded == file
        outputs = {output.name: output.data_type for output in config.output}
        expected = {"logits": logits} | (
            {"labels": TYPE_UINT8} if labels and kind == "whole" else {}
        )
        assert outputs == expected
        (group,) = config.instance_group
        on_cpu = group.kind == ModelInstanceGroup.KIND_CPU
        assert on_cpu == (place == "configs/cpu.pbtxt")
        several = plans and kind != "dynamic"
        assert list(group.profile) == (["0", "1"] if several else [])
        assert ("execution_context_allocation_strategy" in config.parameters) == several
        graphs = [spec.batch_size for spec in config.optimization.cuda.graph_spec]
        assert graphs == (list(range(1, 9)) if plans and kind != "dynamic" else [])
        warmed = {warmup.batch_size for warmup in config.model_warmup}
        engine_at_start = place == "configs/onnx-int8.pbtxt" and kind == "whole"
        assert warmed == ({1, 8} if kind == "window" or engine_at_start else {1})
        accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
        in_runtime = place == "configs/onnx-int8.pbtxt" and kind != "dynamic"
        assert [one.name for one in accelerators] == (["tensorrt"] if in_runtime else [])


def test_what_each_configuration_can_load_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("demo_window/1/model_sm120_int8.plan", "demo_dynamic/1/model.onnx"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
    found = loadable_kinds(DEMO, tmp_path)
    assert {place: kinds for place, kinds in found.items() if kinds} == {
        "configs/plan-int8.pbtxt": ["window"],
        "configs/cpu.pbtxt": ["dynamic"],
    }
    shutil.rmtree(tmp_path / "demo_dynamic")  # which is no ONNX file
    assert main(["export", "repository", "demo", "--repository", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^ +config\.pbtxt +none$", said, re.MULTILINE)
    assert re.search(r"^ +configs/plan-int8\.pbtxt +window$", said, re.MULTILINE)


def test_plans_are_chosen_by_compute_capability_and_batches_have_graphs() -> None:
    window = text_format.Parse(
        config_files(DEMO, Serving(max_batch=4))["demo_window/config.pbtxt"], ModelConfig()
    )
    assert window.cc_model_filenames["8.0"] == "model_sm80_fp16.plan"
    assert window.cc_model_filenames["9.0"] == "model_sm90_fp16.plan"
    assert window.max_batch_size == 4
    assert [spec.batch_size for spec in window.optimization.cuda.graph_spec] == [1, 2, 3, 4]
    assert [warmup.batch_size for warmup in window.model_warmup] == [1, 4]
    whole = text_format.Parse(
        config_files(DEMO, Serving())["demo_whole/config.pbtxt"], ModelConfig()
    )
    assert [output.name for output in whole.output] == ["logits", "labels"]
    dynamic = text_format.Parse(
        config_files(DEMO, Serving())["demo_dynamic/config.pbtxt"], ModelConfig()
    )
    assert dynamic.max_batch_size == 1  # the plan's profile has no more
    assert not dynamic.HasField("optimization")


def test_the_committed_configurations_are_what_is_generated(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "repository", "demo", "--repository", str(root / "model_repository")]
    assert main([*command, "--check"]) == 0
    assert main([*command, "--check", "--max-batch", "4"]) == 1
    assert "demo_window/config.pbtxt is not what" in capsys.readouterr().err


def test_writing_twice_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", "repository", "demo", "ocrnet_hr18_voc12_20k"]
    assert main([*command, "--repository", str(tmp_path)]) == 0
    assert "demo: 18 configurations written" in capsys.readouterr().out
    assert (tmp_path / "ocrnet_hr18_voc12_20k_window" / "configs" / "cpu.pbtxt").is_file()
    assert not (tmp_path / "ocrnet_hr18_voc12_20k_whole").exists()
    assert main([*command, "--repository", str(tmp_path)]) == 0
    assert "demo: 0 configurations written" in capsys.readouterr().out
    (tmp_path / "demo_whole" / "config.pbtxt").write_text("name: 'mine'")
    assert main([*command, "--repository", str(tmp_path), "--check"]) == 1
