"""Triton's configurations, read with Triton's own schema."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig as Schema

from export.artefacts.targets import kinds_of
from export.graphs.onnx_export import fixed_size
from export.triton.config import DataType, InstanceGroup, Kind, Parameter, Tensor
from export.triton.config_files import config_files
from export.triton.models import VARIANTS, Serving, Variant, model_config
from export.triton.render import render
from ocrnet.cli import main
from ocrnet.zoo import get_spec, load_zoo

DEMO = get_spec("demo")


def _same(ours: Any, theirs: Any) -> None:
    """Compare a dataclass with a protobuf message: every field that either of them has."""
    given = {
        field.name for field in fields(ours) if getattr(ours, field.name) not in (None, (), {})
    }
    assert {field.name for field, _ in theirs.ListFields()} <= given
    for name in given:
        value, found = getattr(ours, name), getattr(theirs, name)
        enumeration = theirs.DESCRIPTOR.fields_by_name[name].enum_type
        if enumeration is not None:
            assert enumeration.values_by_number[found].name == value
        elif isinstance(value, dict):
            assert set(value) == set(found)
            for key in value:
                _same_value(value[key], found[key])
        elif isinstance(value, tuple):
            for one, other in zip(value, found, strict=True):
                _same_value(one, other)
        else:
            _same_value(value, found)


def _same_value(value: Any, found: Any) -> None:
    if is_dataclass(value):
        _same(value, found)
    else:
        assert found == value


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    "name", ["demo", "ocrnet_r101-d8_cityscapes_40k_b8", "ocrnet_hr48_ade20k_80k"]
)
def test_what_is_rendered_is_what_tritons_own_parser_reads(name: str, variant: Variant) -> None:
    spec = get_spec(name)
    for kind in kinds_of(spec):
        config = model_config(spec, kind, fixed_size(spec, kind), variant, Serving())
        _same(config, text_format.Parse(render(config), Schema()))


def test_text_is_escaped_and_empty_fields_are_left_out() -> None:
    assert render(Parameter('a "b"\n\\')) == 'string_value: "a \\"b\\"\\n\\\\"\n'
    assert render(InstanceGroup(Kind.CPU, 3)) == "kind: KIND_CPU\ncount: 3\n"
    assert render(Tensor("x", DataType.FP16, ())) == 'name: "x"\ndata_type: TYPE_FP16\n'


def test_every_model_has_three_variants_of_each_graph() -> None:
    for spec in load_zoo().values():
        files = config_files(spec, Serving())
        assert len(files) == 3 * len(kinds_of(spec))
        for name, text in files.items():
            parsed = text_format.Parse(text, Schema())
            assert name.startswith(f"{parsed.name}/")
            assert parsed.output[0].dims[0] == spec.classes


def test_plans_are_chosen_by_compute_capability_and_batches_have_graphs() -> None:
    window = text_format.Parse(
        config_files(DEMO, Serving(max_batch=4))["demo_window/config.pbtxt"], Schema()
    )
    assert window.cc_model_filenames["8.0"] == "model_sm80_fp16.plan"
    assert window.cc_model_filenames["9.0"] == "model_sm90_fp16.plan"
    assert window.max_batch_size == 4
    assert [spec.batch_size for spec in window.optimization.cuda.graph_spec] == [1, 2, 3, 4]
    assert [warmup.batch_size for warmup in window.model_warmup] == [1, 4]
    whole = text_format.Parse(config_files(DEMO, Serving())["demo_whole/config.pbtxt"], Schema())
    assert [output.name for output in whole.output] == ["logits", "labels"]
    dynamic = text_format.Parse(
        config_files(DEMO, Serving())["demo_dynamic/config.pbtxt"], Schema()
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
    assert "demo: 9 configurations written" in capsys.readouterr().out
    assert (tmp_path / "ocrnet_hr18_voc12_20k_window" / "configs" / "cpu.pbtxt").is_file()
    assert not (tmp_path / "ocrnet_hr18_voc12_20k_whole").exists()
    assert main([*command, "--repository", str(tmp_path)]) == 0
    assert "demo: 0 configurations written" in capsys.readouterr().out
    (tmp_path / "demo_whole" / "config.pbtxt").write_text("name: 'mine'")
    assert main([*command, "--repository", str(tmp_path), "--check"]) == 1
