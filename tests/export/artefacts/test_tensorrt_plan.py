"""Plans as artefacts: what their manifests say, and when one is built again.

TensorRT itself has its own tests; here it builds nothing, and NNCF quantises nothing.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest

from export.artefacts.build_artefact import build_artefact, is_current
from export.artefacts.gpu_graphs import float16_graph, float32_graph
from export.artefacts.settings import BuildSettings, Int8Settings
from export.artefacts.target_builder import Job
from export.artefacts.targets import Target
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from export.int8.calibration import Calibration
from export.network.hrnet import HRNetSizes
from export.network.ocrnet import _HRNETS
from export.tensorrt.api import Gpu
from export.tensorrt.plan_builder import BuildOptions, Plan
from export.tensorrt.profiles import ShapeRange
from ocrnet.artefacts import Int8Facts, Precision, graph_folder
from ocrnet.zoo import Size, get_spec
from tests.small_models import small_spec

pytestmark = pytest.mark.slow

HERE = Gpu("NVIDIA A100", "8.0", "610.43")
INT8 = Int8Facts(Calibration().origin, ["attention"], 0.01, None, groups_measured=False)


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    """A small HRNet."""
    with pytest.MonkeyPatch.context() as patch:
        sizes = HRNetSizes(width=18, stem_blocks=1, branch_blocks=1, stage_modules=(1, 1, 1))
        patch.setitem(_HRNETS, "hr18s", sizes)
        spec = dataclasses.replace(get_spec("ocrnet_hr18s_voc12_20k"), crop=Size(64, 96))
        yield Source(spec, RANDOM_WEIGHTS)


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[onnx.ModelProto]:
    """What TensorRT was given."""
    given: list[onnx.ModelProto] = []

    def build_plan(
        trt: Any, graph: onnx.ModelProto, shapes: ShapeRange, options: BuildOptions
    ) -> Plan:
        given.append(graph)
        return Plan(b"a plan", 612, 1.2345, 80.5)

    def quantise_for_gpu(job: Job) -> Any:
        return SimpleNamespace(model=job.source.plain_graph(job.kind), report=None)

    def write_report(report: object, path: Path) -> Int8Facts:
        return INT8

    place = "export.artefacts.tensorrt_plan"
    monkeypatch.setattr(f"{place}.load_tensorrt", lambda _: SimpleNamespace(__version__="11.1"))
    monkeypatch.setattr(f"{place}.build_plan", build_plan)
    monkeypatch.setattr(f"{place}.save_summary", lambda *_: None)
    monkeypatch.setattr(f"{place}.write_report", write_report)
    monkeypatch.setattr(f"{place}.quantise_for_gpu", quantise_for_gpu)
    monkeypatch.setattr("export.artefacts.gpu_graphs.quantise_for_gpu", quantise_for_gpu)
    return given


def _written(source: Source, target: Target, settings: BuildSettings) -> dict[str, Any]:
    build_artefact(source, "window", target, settings)
    folder = graph_folder(settings.repository, source.spec.name, "window")
    content: dict[str, Any] = json.loads((folder / f"{target.file}.manifest.json").read_text())
    return content


def test_a_manifest_says_how_and_for_what_the_plan_was_built(
    source: Source, tmp_path: Path, graphs: list[onnx.ModelProto]
) -> None:
    settings = BuildSettings(tmp_path, BuildOptions(level=2, workspace=512), max_batch=4, gpu=HERE)
    content = _written(source, Target("tensorrt", "float16", "8.0"), settings)
    assert content["file"] == "model_sm80_fp16.plan"
    assert content["versions"]["tensorrt"] == "11.1"
    assert content["parity"] == {}
    assert content["profile"] == {
        "min": [1, 64, 96, 3],
        "opt": [4, 64, 96, 3],
        "max": [4, 64, 96, 3],
    }
    assert content["gpu"] == {
        "name": "NVIDIA A100",
        "compute_capability": "8.0",
        "driver": "610.43",
    }
    assert content["build"].pop("ports") == {
        "inputs": [{"name": "image", "element": "UINT8", "dims": [-1, 64, 96, 3]}],
        "outputs": [{"name": "logits", "element": "FLOAT16", "dims": [-1, 21, 16, 24]}],
    }
    assert content["build"] == {
        "level": 2,
        "workspace": 512,
        "tiling": "none",
        "l2_limit": 0,
        "aux_streams": None,
        "profiles": 2,
        "layers": 612,
        "parse_seconds": 1.23,
        "build_seconds": 80.5,
        "tf32": False,
    }
    assert graphs[0].graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16


def test_an_int8_plan_is_float16_between_and_says_how_it_was_calibrated(
    source: Source, tmp_path: Path, graphs: list[onnx.ModelProto]
) -> None:
    content = _written(source, Target("tensorrt_rtx", "int8"), BuildSettings(tmp_path, gpu=HERE))
    assert content["gpu"] == {}  # for every architecture at once
    assert list(content["build"]) == [
        *("calibration", "floating", "changed_labels", "miou_loss", "parts_measured"),
        *("level", "workspace", "tiling", "l2_limit", "aux_streams", "profiles"),
        *("layers", "parse_seconds", "build_seconds", "tf32", "ports"),
    ]
    assert content["build"]["floating"] == ["attention"]
    assert "nncf" in content["versions"]
    (graph,) = graphs
    assert graph.opset_import[0].version == 19
    assert graph.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT16


@pytest.mark.parametrize("batch", [1, 8])
def test_a_plan_of_one_shape_has_it_in_the_graph_and_the_source_keeps_its_own(
    source: Source, tmp_path: Path, graphs: list[onnx.ModelProto], batch: int
) -> None:
    settings = BuildSettings(tmp_path, max_batch=batch)
    _written(source, Target("tensorrt_rtx", "float32"), settings)
    (first, *_) = graphs[0].graph.input[0].type.tensor_type.shape.dim
    assert (first.dim_value, first.dim_param) == ((1, "") if batch == 1 else (0, "N"))
    (plain, *_) = source.plain_graph("window").graph.input[0].type.tensor_type.shape.dim
    assert plain.dim_param == "N"


def test_a_plan_is_built_again_for_other_settings_alone(source: Source, tmp_path: Path) -> None:
    target = Target("tensorrt", "int8", "8.0")
    settings = BuildSettings(tmp_path, gpu=HERE)
    _written(source, target, settings)
    assert is_current(source, "window", target, settings)
    assert is_current(source, "window", target, dataclasses.replace(settings, optimised=False))
    for other in (
        {"plan": BuildOptions(level=5)},
        {"plan": BuildOptions(workspace=100)},
        {"plan": BuildOptions(tiling="full")},
        {"plan": BuildOptions(tiling="none", l2_limit=4)},
        {"plan": BuildOptions(aux_streams=0)},
        {"max_batch": 2},
        {"int8": Int8Settings(Calibration(count=5))},
        {"int8": Int8Settings(measure_layer_groups=True)},
    ):
        assert not is_current(source, "window", target, dataclasses.replace(settings, **other))


@pytest.mark.parametrize(("precision", "anew"), [("float32", True), ("float16", False)])
def test_tf32_is_a_matter_of_float32_plans_alone(
    source: Source, tmp_path: Path, precision: Precision, anew: bool
) -> None:
    target = Target("tensorrt", precision, "8.0")
    settings = BuildSettings(tmp_path, gpu=HERE)
    _written(source, target, settings)
    with_tf32 = dataclasses.replace(settings, plan=BuildOptions(tf32=True))
    assert is_current(source, "window", target, with_tf32) == (not anew)


def test_a_plan_of_another_gpu_is_built_again(source: Source, tmp_path: Path) -> None:
    """Its file has the compute capability in its name, and so should its manifest."""
    target = Target("tensorrt", "float32", "8.0")
    settings = BuildSettings(tmp_path, gpu=dataclasses.replace(HERE, compute_capability="9.0"))
    _written(source, target, settings)
    assert not is_current(source, "window", target, settings)


@pytest.mark.parametrize(
    "target",
    [
        Target("tensorrt", "float16", "8.0"),
        Target("tensorrt_rtx", "float32"),
        Target("onnx", "float16"),
    ],
    ids=str,
)
def test_graphs_for_gpus_find_labels_by_a_running_maximum(
    source: Source, tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorRT has no argmax, and ONNX Runtime's on a GPU is for older operator sets than ours."""
    spec = small_spec("ocrnet_hr18s_cityscapes_40k")
    job = Job(Source(spec, RANDOM_WEIGHTS), "whole", target, BuildSettings(tmp_path))
    make = float32_graph if target.precision == "float32" else float16_graph
    used = {node.op_type for node in make(job).graph.node}
    assert "Greater" in used
    assert "ArgMax" not in used
    monkeypatch.setattr("export.artefacts.gpu_graphs.MOST_CLASSES_BY_MAXIMUM", spec.classes - 1)
    assert "ArgMax" in {node.op_type for node in make(job).graph.node}
