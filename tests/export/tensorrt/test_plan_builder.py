"""Graphs parsed and built by NVIDIA's own parser and builder, ahead of time, without a GPU."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from export.artefacts.build_artefact import is_current
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.ports import declared_ports
from export.graphs.source import DEMO_WEIGHTS, Source
from export.tensorrt.api import Gpu, find_gpu, load_tensorrt, make_logger
from export.tensorrt.plan_builder import BuildOptions, _set_options, build_plan
from export.tensorrt.plan_runner import PlanGraph
from export.tensorrt.profiles import shape_range
from ocrnet.artefacts import FREE, Port, read_manifest
from ocrnet.cli import main
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec, Size, get_spec
from tests.small_models import one_block_a_branch, small_spec

pytestmark = pytest.mark.slow

WHOLE = Size(1024, 2048)


@pytest.fixture
def _rtx() -> None:
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )


@pytest.mark.slow
@pytest.mark.usefixtures("_rtx")
@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("ocrnet_hr18s_cityscapes_40k", True),
        pytest.param("ocrnet_hr18s_cityscapes_40k", False, marks=pytest.mark.thorough),
        pytest.param("ocrnet_hr18_ade20k_80k", False, marks=pytest.mark.thorough),
    ],
)
def test_plans_are_parsed_and_built(
    name: str, small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        if small:
            stack.enter_context(one_block_a_branch())
            monkeypatch.setattr("export.commands.build.get_spec", small_spec)
        _build_plans(name, tmp_path)


def _build_plans(name: str, tmp_path: Path) -> None:
    command = ["export", "build", name, "--checkpoint", "stand-in", "--kinds", "dynamic", "window"]
    precisions = ["--precision", "float16", "float32"]
    to = ["--to", "tensorrt-rtx", *precisions, "--repository", str(tmp_path)]
    assert main([*command, *to]) == 0
    for kind in ("dynamic", "window"):
        for short in ("_fp16", ""):
            folder = tmp_path / f"{name}_{kind}" / "1"
            manifest = read_manifest(folder / f"model_rtx{short}.plan.manifest.json")
            assert manifest.build.plan is not None
            assert manifest.build.plan.layers > 150
            assert (folder / manifest.file).stat().st_size > 1_000_000
            assert set(manifest.versions) >= {"tensorrt_rtx", "torch"}
            assert manifest.parity == {}
            with pytest.raises(ArtefactError, match=r"no NVIDIA GPU|ahead of time"):
                PlanGraph(folder / manifest.file)


@pytest.mark.slow
@pytest.mark.usefixtures("_rtx")
@pytest.mark.parametrize(
    "spec",
    [small_spec("demo"), pytest.param(get_spec("demo"), marks=pytest.mark.thorough)],
    ids=["small", "as served"],
)
def test_whole_pictures_give_labels(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("export.commands.build.get_spec", lambda _: spec)
    assert spec.whole is not None
    height, width = spec.whole.height, spec.whole.width
    command = ["export", "build", "demo", "--to", "onnx-fp16", "tensorrt-rtx", "--kinds", "whole"]
    assert main([*command, "--max-batch", "1", "--repository", str(tmp_path)]) == 0
    folder = tmp_path / "demo_whole" / "1"
    manifest = read_manifest(folder / "model_rtx_fp16.plan.manifest.json")
    assert manifest.outputs == ["logits", "labels"]
    assert manifest.profile is not None
    assert manifest.profile.min == manifest.profile.max == [1, height, width, 3]
    source, plan = Source(spec, str(DEMO_WEIGHTS)), Target("tensorrt_rtx", "float16")
    settings = BuildSettings(tmp_path, max_batch=1)
    assert is_current(source, "whole", plan, settings)
    for other in (
        {"max_batch": 2},
        {"plan": BuildOptions(level=5)},
        {"plan": BuildOptions(tiling="fast")},
        {"plan": BuildOptions(l2_limit=8)},
        {"plan": BuildOptions(aux_streams=0)},
    ):
        assert not is_current(source, "whole", plan, dataclasses.replace(settings, **other))
    logits, labels = declared_ports(onnx.load(folder / "model_fp16.onnx")).outputs
    assert logits == Port("logits", "FLOAT16", (FREE, 19, height // 4, width // 4))
    assert labels == Port("labels", "UINT8", (FREE, height, width))


@pytest.mark.usefixtures("_rtx")
def test_a_graph_of_mixed_types_is_refused_with_the_node() -> None:
    half = onnx.numpy_helper.from_array(np.ones(3, np.float16), "weight")
    node = onnx.helper.make_node("Mul", ["image", "weight"], ["y"], "/my/Mul")
    wide = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "graph",
        [onnx.helper.make_tensor_value_info("image", wide, [3])],
        [onnx.helper.make_tensor_value_info("y", wide, [3])],
        [half],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    shapes = shape_range(get_spec("demo"), WHOLE, max_batch=1, max_size=WHOLE)
    with pytest.raises(ArtefactError, match="/my/Mul"):
        build_plan(load_tensorrt("tensorrt_rtx"), model, shapes, BuildOptions())


@pytest.mark.usefixtures("_rtx")
def test_float32_is_no_tf32_unless_asked_for() -> None:
    """TensorRT's own default rounds products in float32."""
    trt = load_tensorrt("tensorrt_rtx")
    builder = trt.Builder(make_logger(trt))
    flag = trt.BuilderFlag.TF32
    assert builder.create_builder_config().get_flag(flag)
    for options in (BuildOptions(), BuildOptions(tf32=True)):
        config = builder.create_builder_config()
        _set_options(trt, config, options)
        assert config.get_flag(flag) == options.tf32


def test_shapes_of_plans() -> None:
    spec = get_spec("demo")
    dynamic = shape_range(spec, None, max_batch=8, max_size=Size(2048, 2048))
    assert dynamic.opt == (1, 512, 1024, 3)
    assert dynamic.max == (1, 2048, 2048, 3)
    window = shape_range(spec, spec.crop, max_batch=8, max_size=WHOLE)
    assert (window.min[0], window.opt[0], window.max[0]) == (1, 8, 8)
    assert not window.fixed
    # The one for all batches is first: Triton and Polygraphy take it unless told otherwise.
    batches, single = window.profiles
    assert batches == window
    assert single.min == single.opt == single.max == (1, 512, 1024, 3)
    assert dynamic.profiles == (dynamic,)
    fixed = shape_range(spec, WHOLE, max_batch=1, max_size=WHOLE)
    assert fixed.fixed
    assert fixed.profiles == ()


def test_the_gpu_is_what_nvidia_smi_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.tensorrt.api.shutil.which", lambda _: "/usr/bin/nvidia-smi")

    def answers(text: str, code: int = 0) -> None:
        answer = SimpleNamespace(stdout=text, stderr="", returncode=code)
        monkeypatch.setattr("export.tensorrt.api.subprocess.run", lambda *_, **__: answer)

    answers("NVIDIA A100-SXM4-80GB, 8.0, 610.43.02\nNVIDIA A100-SXM4-80GB, 8.0, 610.43.02\n")
    assert find_gpu() == Gpu("NVIDIA A100-SXM4-80GB", "8.0", "610.43.02")
    answers("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9)
    with pytest.raises(ArtefactError, match="couldn't communicate"):
        find_gpu()


def test_without_a_gpu_building_a_plan_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("export.tensorrt.api.shutil.which", lambda _: None)
    command = ["export", "build", "demo", "--to", "tensorrt", "--repository", str(tmp_path)]
    assert main(command) == 1
    assert "there is no NVIDIA GPU here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_demo_source_is_its_own(root: Path) -> None:
    assert root / "export" / "weights" / "demo.safetensors" == DEMO_WEIGHTS
    assert Source(get_spec("demo"), str(DEMO_WEIGHTS)).travels("dynamic")
    assert not Source(get_spec("demo"), "stand-in").travels("dynamic")
