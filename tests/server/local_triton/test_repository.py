"""What the local Triton is given differs from the repository in the back end alone."""

import json
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from ocrnet.errors import ArtefactError
from ocrnet.zoo import get_spec
from server.local_triton.repository import write_repository

DEMO = [get_spec("demo")]
FP16, FP32, UINT8 = 10, 11, 2  # of Triton's DataType


def _config(folder: Path) -> ModelConfig:
    return text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())


def test_the_demo_from_a_fresh_clone_has_all_its_models(root: Path, tmp_path: Path) -> None:
    repository = root / "model_repository"
    names = write_repository(tmp_path, repository, DEMO, threads=2, warmup=True)
    assert names == ["demo_dynamic", "demo_window", "demo_whole"]
    for name in names:
        path = repository / name / "configs" / "cpu.pbtxt"
        before = text_format.Parse(path.read_text(), ModelConfig())
        after = _config(tmp_path / name)
        assert (after.backend, after.platform) == ("python", "")
        assert [group.kind for group in after.instance_group] == [ModelInstanceGroup.KIND_CPU]
        assert after.parameters["threads"].string_value == "2"
        assert Path(after.parameters["graph"].string_value).is_absolute()
        assert (tmp_path / name / "1" / after.default_model_filename).is_file()
        for config in (before, after):  # all else is kept
            for field in ("backend", "platform", "instance_group", "parameters"):
                config.ClearField(field)
            config.ClearField("default_model_filename")
        assert after == before
        assert after.model_warmup


def test_a_configuration_for_gpus_will_do(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "model_repository", tmp_path / "repository")
    for name in ("demo_dynamic", "demo_window", "demo_whole"):
        (tmp_path / "repository" / name / "configs" / "cpu.pbtxt").unlink()
    write_repository(tmp_path / "new", tmp_path / "repository", DEMO)
    whole = _config(tmp_path / "new" / "demo_whole")
    # The float32 graph has no labels and no half precision.
    assert [(one.name, one.data_type) for one in whole.output] == [("logits", FP32)]
    assert whole.input[0].data_type == UINT8
    assert not whole.HasField("optimization")
    assert not whole.cc_model_filenames
    assert not whole.model_warmup
    assert whole.max_batch_size == 8
    policy = whole.dynamic_batching.default_queue_policy
    assert (policy.max_queue_size, policy.allow_timeout_override) == (128, True)


def test_a_fixed_graph_is_used_where_there_is_one(
    demo_repository: Path, root: Path, tmp_path: Path
) -> None:
    window = demo_repository / "demo_window"
    shutil.copytree(demo_repository / "demo_dynamic" / "1", window / "1")
    shutil.copy(root / "model_repository" / "demo_window" / "config.pbtxt", window)
    path = window / "1" / "model.onnx.manifest.json"
    manifest = json.loads(path.read_text()) | {"kind": "window", "height": 512, "width": 1024}
    path.write_text(json.dumps(manifest))
    assert write_repository(tmp_path / "new", demo_repository, DEMO) == [
        "demo_dynamic",
        "demo_window",
    ]
    used = _config(tmp_path / "new" / "demo_window").parameters["graph"].string_value
    assert used == str(window / "1" / "model.onnx")


@pytest.mark.slow
def test_the_graph_that_a_chosen_configuration_names_is_served(
    labelled_demo: Path, tmp_path: Path
) -> None:
    names = write_repository(tmp_path / "new", labelled_demo, DEMO, config_name="onnx")
    assert names == ["demo_dynamic", "demo_whole"]
    whole, dynamic = (_config(tmp_path / "new" / f"demo_{kind}") for kind in ("whole", "dynamic"))
    path = labelled_demo / "demo_whole" / "1" / "model_fp16.onnx"
    assert whole.parameters["graph"].string_value == str(path)
    assert [(one.name, one.data_type, list(one.dims)) for one in whole.output] == [
        ("logits", FP16, [19, 64, 128]),
        ("labels", UINT8, [256, 512]),
    ]
    # Of the dynamic graph, which is not built in float16, the float32 one is served.
    assert dynamic.parameters["graph"].string_value.endswith("/demo_dynamic/1/model.onnx")
    assert [(one.name, one.data_type) for one in dynamic.output] == [("logits", FP32)]


@pytest.mark.slow
def test_a_damaged_graph_of_a_chosen_configuration_is_refused(
    labelled_demo: Path, tmp_path: Path
) -> None:
    shutil.copytree(labelled_demo, tmp_path / "repository")
    path = tmp_path / "repository" / "demo_whole" / "1" / "model_fp16.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    write_repository(tmp_path / "cpu", tmp_path / "repository", DEMO)  # does not serve it
    with pytest.raises(ArtefactError, match=r"model_fp16\.onnx is damaged"):
        write_repository(tmp_path / "onnx", tmp_path / "repository", DEMO, config_name="onnx")


def test_a_graph_that_is_not_built_is_not_replaced_silently(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_repository(tmp_path / "cpu", root / "model_repository", DEMO)
    assert not caplog.records
    write_repository(tmp_path / "int8", root / "model_repository", DEMO, config_name="onnx-int8")
    assert [record.getMessage().split(" runs ")[0] for record in caplog.records] == [
        "demo_dynamic", "demo_window", "demo_whole",
    ]  # fmt: skip
    assert all("'onnx-int8' names is not built" in one.getMessage() for one in caplog.records)


def test_a_configuration_that_was_chosen_is_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"onyx\.pbtxt is missing: .* there are cpu, onnx, "):
        write_repository(tmp_path, root / "model_repository", DEMO, config_name="onyx")


def test_without_a_configuration_it_says_who_writes_it(
    demo_repository: Path, tmp_path: Path
) -> None:
    shutil.rmtree(demo_repository / "demo_dynamic" / "configs")
    (demo_repository / "demo_dynamic" / "config.pbtxt").unlink()
    with pytest.raises(ArtefactError, match="'ocrnet export repository demo'"):
        write_repository(tmp_path / "new", demo_repository, DEMO)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("platform: 5 {", "is not a configuration"),
        ("no_such_field: 1", "no_such_field"),
        ('name: "other"', "is of 'other'"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_named(
    demo_repository: Path, tmp_path: Path, text: str, message: str
) -> None:
    path = demo_repository / "demo_dynamic" / "configs" / "cpu.pbtxt"
    path.write_text(text)
    with pytest.raises(ArtefactError, match=message) as caught:
        write_repository(tmp_path / "new", demo_repository, DEMO)
    assert str(path) in str(caught.value)


def test_a_damaged_graph_is_refused(demo_repository: Path, tmp_path: Path) -> None:
    path = demo_repository / "demo_dynamic" / "1" / "model.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtefactError, match="damaged"):
        write_repository(tmp_path / "new", demo_repository, DEMO)


def test_a_model_that_was_not_built_is_refused(demo_repository: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="'ocrnet export build ocrnet_hr18_voc12_20k'"):
        write_repository(tmp_path / "new", demo_repository, [get_spec("ocrnet_hr18_voc12_20k")])
