"""Models that are damaged, odd or somebody else's, and the Triton containers' start script."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.docker.triton_container import (
    A100,
    CPU,
    PLANS,
    Container,
    manifest,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"gpu": {"compute_capability": "8.6"}}, "built for compute capability 8.6"),
        ({"versions": {"tensorrt": "10.16.1.11"}}, "built by TensorRT 10.16.1.11"),
        ({"versions": {"tensorrt": "11.1.0.107"}}, "this image has 11.1.0.106"),
        ({"profile": {"min": [1], "opt": [4], "max": [4, 512, 1024, 3]}}, "--max-batch 8"),
        ({"profile": {"max": [8, 256, 512, 3]}}, "the warm-up of its configuration is of 512x1024"),
        ({"build": {"profiles": 1}}, "has 1 optimisation profiles, its configuration names 2"),
        ({"format": "tensorrt_rtx"}, "as a check"),
        ({"files": {"model_sm80_fp16.plan": "0" * 64}}, "is damaged"),
        ({"files": {}}, "is not a manifest of model_sm80_fp16.plan"),
        ({"files": []}, "is not a manifest"),
        ({"files": {"model_sm80_fp16.plan": 7}}, "is not a manifest"),
        ({"files": {"../../secret": "0" * 64}}, "is not a manifest"),
    ],
)
def test_a_plan_that_its_manifest_speaks_against_is_left_out(
    container: Container, facts: dict[str, object], said: str
) -> None:
    container.add_gpus(A100)
    container.variables["TRT_VERSION"] = "11.1.0.106+cuda13.3"
    folder = container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    manifest(folder / "model_sm80_fp16.plan", **facts)
    run = container.run()
    assert run.left_out(said, "ocrnet export build demo --to tensorrt"), run.said


def test_a_plan_that_fits_is_served(container: Container) -> None:
    container.add_gpus(A100)
    container.variables["TRT_VERSION"] = "11.1.0.106"
    folder = container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    manifest(
        folder / "model_sm80_fp16.plan",
        gpu={"compute_capability": "8.0", "name": "A100"},
        versions={"tensorrt": "11.1.0.106"},
        profile={"min": [1, 512, 1024, 3], "opt": [8], "max": [8, 512, 1024, 3]},
    )
    assert container.run().served == [["demo_window"]]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"files": "x"}', "[" * 100_000])
def test_a_manifest_that_is_damaged(container: Container, text: str) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    (folder / "model.onnx.manifest.json").write_text(text)
    assert container.run().left_out("model.onnx.manifest.json", "build demo --to onnx")


def test_files_beside_a_graph_are_compared_too(container: Container) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx", "model.data")
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "model.data")
    }
    manifest(folder / "model.onnx", format="onnx", files=digests)
    assert container.run().served == [["demo_window"]]
    (folder / "model.data").unlink()
    assert container.run().left_out("model.data is missing, which model.onnx needs")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('name: "other"', "its configuration is of the model 'other'"),
        ("name: ", "line 1: the end of the file is not expected"),
        ("instance_group {", "is not a configuration"),
        ("\x01", "is not a configuration"),
        ('default_model_filename: "model', "is not a configuration"),
        ("a {" * 5000, "nested too deeply"),
        ('platform: "onnxruntime_onnx" max_batch_size: many', "max_batch_size: 'many'"),
        (
            'platform: "onnxruntime_onnx" version_policy { specific { versions: [1, 3] } }',
            "folder 3",
        ),
    ],
)
def test_a_configuration_that_triton_would_refuse(
    container: Container, config: str, said: str
) -> None:
    container.add_model("demo_window", config, "model.onnx")
    assert container.run().left_out(said)


def test_bytes_that_are_no_text_are_no_configuration(container: Container) -> None:
    container.add_model("demo_window", "", "model.onnx")
    (container.models / "demo_window" / "config.pbtxt").write_bytes(b"\xff\xfe")
    assert container.run().left_out("is not a configuration", "ocrnet export repository demo")


def test_models_of_others_are_served_by_triton_s_own_rules(container: Container) -> None:
    config = 'backend: "onnxruntime" # its default: model.onnx, the newest version\n'
    container.add_model("theirs", config, "model.onnx", version="2")
    container.add_model("nothing", config)
    container.add_model("all", config + "version_policy { all {} }", "model.onnx")
    (container.models / "all" / "2").mkdir()
    (container.models / "chain" / "1").mkdir(parents=True)
    (container.models / "chain" / "config.pbtxt").write_text('platform: "ensemble"')
    (container.models / ".git").mkdir()
    (container.models / "README.md").write_text("no model")
    run = container.run("--disable-auto-complete-config")
    assert run.served == [["chain", "theirs"]]
    assert "nothing: it has no version's folder, such as 1, with model.onnx in it" in run.said
    assert "all/2/model.onnx is missing" in run.said
    assert "ocrnet export" not in run.said


def test_a_model_without_configuration_needs_auto_completion(container: Container) -> None:
    folder = container.add_model("theirs", "", "model.onnx")
    (folder.parent / "config.pbtxt").unlink()
    assert container.run("--disable-auto-complete-config").left_out("it has no config.pbtxt")
    assert container.run().served == [["theirs"]]


def test_links_are_followed_and_broken_ones_named(container: Container, tmp_path: Path) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    elsewhere = folder.parent.rename(tmp_path / "elsewhere")
    (container.models / "demo_window").symlink_to(elsewhere)
    assert container.run().served == [["demo_window"]]
    for target in ("nowhere", "model.onnx"):  # the second is a link to itself
        (elsewhere / "1" / "model.onnx").unlink()
        (elsewhere / "1" / "model.onnx").symlink_to(target)
        assert container.run().left_out("model.onnx")


def test_a_model_s_folder_may_be_a_broken_link(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    (container.models / "gone").symlink_to("/nowhere")
    run = container.run()
    assert run.served == [["demo_window"]]
    assert "gone: it is a link to /nowhere, not there" in run.said


def test_ensembles_are_left_out_with_their_models(container: Container) -> None:
    container.add_model("net", CPU, "model.onnx")
    container.add_model("missing", CPU)
    for name, member in {"a": "net", "b": "missing", "c": "b", "d": "a"}.items():
        config = (
            f'platform: "ensemble" ensemble_scheduling {{ step [ {{ model_name: "{member}" }} ] }}'
        )
        container.add_model(name, config)
        (container.models / name / "1").mkdir()
    run = container.run()
    assert run.served == [["a", "d", "net"]]
    assert "b: it is an ensemble with missing, left out" in run.said
    assert "c: it is an ensemble with b, left out" in run.said


def test_what_may_not_be_read_is_named(container: Container) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    # Root may read everything, unless these rights are taken away, as in the container.
    limited = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    prefix = limited if os.geteuid() == 0 else ()
    for place in (folder / "model.onnx", folder, folder.parent, container.models):
        mode = place.stat().st_mode
        place.chmod(0)
        run = container.run(prefix=prefix)
        place.chmod(mode)
        assert run.left_out("may not read", "chmod -R a+rX"), (place, run.said)
    (folder / "model.onnx").write_bytes(b"")
    assert container.run().left_out("model.onnx is empty")


@pytest.mark.parametrize("name", ["1/model.onnx", "1/model.onnx.manifest.json", "config.pbtxt"])
def test_pipes_are_no_files(container: Container, name: str) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx").parent
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert container.run().left_out(f"{name} cannot be read: it is not a file")
