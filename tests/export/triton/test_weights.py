"""Configurations name the weights of the artefacts beside them, and never others."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig as Schema

from export.triton.config_files import config_files, name_weights, stale_configs, write_configs
from export.triton.models import Serving
from export.triton.weights import artefact_weights, stated_parameters, with_parameters
from ocrnet.artefacts import Manifest, artefact_stem
from ocrnet.zoo import get_spec

SPEC = get_spec("ocrnet_hr18s_ade20k_80k")
PLANS = ("model_sm80_fp16.plan", "model_sm90_fp16.plan")


def _artefact(repository: Path, file: str, checkpoint: str, sha256: str, weights: str = "") -> None:
    folder = repository / f"{SPEC.name}_window" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(b"graph")
    Manifest(
        SPEC.name, "window", "tensorrt", "float16", file, {}, 512, 512, ["logits"], 150,
        checkpoint, sha256, {}, {}, weights=weights,
    ).write(folder)  # fmt: skip


def _stated(repository: Path, variant: str = "configs/cpu.pbtxt") -> dict[str, str]:
    return stated_parameters((repository / f"{SPEC.name}_window" / variant).read_text())


def test_what_is_built_is_named_by_checkpoint_and_sha256(tmp_path: Path) -> None:
    _artefact(tmp_path, f"{artefact_stem('float32')}.onnx", "mine.pth", "a" * 64)
    write_configs(SPEC, tmp_path, Serving())
    named = {"checkpoint": "mine.pth", "checkpoint_sha256": "a" * 64, "weights": "own"}
    assert _stated(tmp_path) == named
    # The plans and the float16 graph are not built: nothing is known of their weights.
    assert _stated(tmp_path, "configs/onnx.pbtxt") == {}
    assert _stated(tmp_path, "config.pbtxt") == {}
    assert stale_configs(SPEC, tmp_path, Serving()) == []


def test_random_weights_are_named_too(tmp_path: Path) -> None:
    _artefact(tmp_path, "model.onnx", "stand-in", "")
    write_configs(SPEC, tmp_path, Serving())
    assert _stated(tmp_path)["weights"] == "random"
    assert _stated(tmp_path)["checkpoint_sha256"] == ""


def test_plans_of_different_weights_name_none(tmp_path: Path) -> None:
    for plan, sha256 in zip(PLANS, ("a" * 64, "b" * 64), strict=True):
        _artefact(tmp_path, plan, "x.pth", sha256)
    write_configs(SPEC, tmp_path, Serving())
    assert _stated(tmp_path, "config.pbtxt") == {}


def test_a_plan_of_somebody_elses_making_has_unknown_weights(tmp_path: Path) -> None:
    _artefact(tmp_path, PLANS[0], "x.pth", "a" * 64)
    write_configs(SPEC, tmp_path, Serving())
    assert _stated(tmp_path, "config.pbtxt")["checkpoint"] == "x.pth"
    (tmp_path / f"{SPEC.name}_window" / "1" / PLANS[1]).write_bytes(b"by trtexec")
    (stale,) = stale_configs(SPEC, tmp_path, Serving())
    assert stale.name == "config.pbtxt"
    write_configs(SPEC, tmp_path, Serving())
    assert _stated(tmp_path, "config.pbtxt") == {}


def test_another_build_changes_the_name_and_nothing_else(tmp_path: Path) -> None:
    serving = Serving(max_batch=3)  # unlike the default
    _artefact(tmp_path, "model.onnx", "x.pth", "a" * 64)
    write_configs(SPEC, tmp_path, serving)
    path = tmp_path / f"{SPEC.name}_window" / "configs" / "cpu.pbtxt"
    before = text_format.Parse(path.read_text(), Schema())
    _artefact(tmp_path, "model.onnx", "y.pth", "b" * 64)
    assert name_weights(SPEC, tmp_path, "window") == [f"{path} now names these weights"]
    assert _stated(tmp_path)["checkpoint"] == "y.pth"
    assert name_weights(SPEC, tmp_path, "window") == []
    after = text_format.Parse(path.read_text(), Schema())
    assert stale_configs(SPEC, tmp_path, serving) == []
    for config in (before, after):
        config.parameters.clear()
    assert after == before


def test_without_its_artefact_a_configuration_keeps_what_it_says(tmp_path: Path) -> None:
    _artefact(tmp_path, "model.onnx", "x.pth", "a" * 64)
    write_configs(SPEC, tmp_path, Serving())
    (tmp_path / f"{SPEC.name}_window" / "1" / "model.onnx").unlink()
    assert stale_configs(SPEC, tmp_path, Serving()) == []


def test_a_configuration_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / f"{SPEC.name}_window" / "configs" / "cpu.pbtxt"
    path.parent.mkdir(parents=True)
    text = 'name: "mine"\ndefault_model_filename: "model.onnx"\n'
    path.write_text(text)
    _artefact(tmp_path, "model.onnx", "x.pth", "a" * 64)
    assert name_weights(SPEC, tmp_path, "window") == []
    text += 'parameters { key: "checkpoint" value { string_value: "y.pth" } }\n'
    path.write_text(text)
    (said,) = name_weights(SPEC, tmp_path, "window")
    assert "cpu.pbtxt names other weights" in said
    assert path.read_text() == text


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name: ", b'no_such_field: "x"\n'])
def test_a_configuration_that_cannot_be_read_undoes_no_build(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / f"{SPEC.name}_window" / "configs" / "cpu.pbtxt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    _artefact(tmp_path, "model.onnx", "x.pth", "a" * 64)
    (said,) = name_weights(SPEC, tmp_path, "window")
    assert said.startswith(f"{path} was not updated: ")
    assert path.read_bytes() == content


def test_a_manifest_that_cannot_be_read_undoes_no_build(tmp_path: Path) -> None:
    _artefact(tmp_path, PLANS[0], "x.pth", "a" * 64)
    write_configs(SPEC, tmp_path, Serving())
    versions = tmp_path / f"{SPEC.name}_window" / "1"
    (versions / PLANS[1]).touch()
    (versions / f"{PLANS[1]}.manifest.json").write_text("{")
    (said,) = name_weights(SPEC, tmp_path, "window")
    assert "config.pbtxt was not updated: " in said


def test_the_names_that_triton_takes_by_itself_are_known(tmp_path: Path) -> None:
    _artefact(tmp_path, "model.onnx", "x.pth", "a" * 64)
    weights = artefact_weights(
        'platform: "onnxruntime_onnx"', tmp_path / f"{SPEC.name}_window" / "1", SPEC
    )
    assert weights is not None
    assert weights.checkpoint == "x.pth"


def test_only_our_parameters_are_replaced() -> None:
    text = config_files(SPEC, Serving())[f"{SPEC.name}_window/config.pbtxt"]
    threads = 'parameters {\n  key: "threads"\n  value {\n    string_value: "2"\n  }\n}\n'
    named = with_parameters(text + threads, {"checkpoint": "a"})
    assert stated_parameters(named) == {"checkpoint": "a"}
    assert with_parameters(named, {}) == text + threads


def test_comments_stay_when_the_weights_change() -> None:
    text = (
        '# why: see the wiki\nname: "mine"  # as ever\n'
        'parameters {\n  key: "checkpoint"\n  value {\n    string_value: "a"\n  }\n}\n'
        '# two cores\nparameters {\n  # of four\n  key: "threads"\n'
        '  value {\n    string_value: "2"\n  }\n}\n'
    )
    changed = with_parameters(text, {"checkpoint": 'b "2"'})
    assert stated_parameters(changed) == {"checkpoint": 'b "2"'}
    for written in ("# why: see the wiki\n", "# as ever\n", "# two cores\n", "  # of four\n"):
        assert written in changed
    assert 'string_value: "a"' not in changed
