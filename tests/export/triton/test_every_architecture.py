"""Artefacts of every architecture, kind of graph and precision fit what Triton is told of them.

Two architectures at small sizes are in `make test`; all eleven as they are served are in
`make test-all`, or by themselves:

    pytest tests/export/triton/test_every_architecture.py -m thorough
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from benchmarks.lib.architectures import architectures
from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.target_builder import Job
from export.artefacts.targets import Target, kinds_of
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from export.tensorrt.api import Gpu
from export.tensorrt.plan_builder import BuildOptions, Plan
from export.tensorrt.profiles import ShapeRange
from export.tensorrt.served_version import SERVED_TRITON
from export.triton.agreement import disagreements
from export.triton.config_files import loadable_kinds, write_configs
from export.triton.loaded_files import loaded_files
from export.triton.models import Serving
from export.triton.pbtxt import parse_config
from export.triton.plan_versions import plans_of_other_versions
from export.triton.port_differences import differences
from ocrnet.artefacts import FREE, Kind, Port, Ports, Precision, graph_folder, read_manifest
from ocrnet.zoo import ModelSpec, get_spec
from tests.small_models import one_block_a_branch, small_spec

pytestmark = pytest.mark.slow

A100 = Gpu("NVIDIA A100", "8.0", "610.43")
TARGETS = [
    Target(format_, precision, "8.0" if format_ == "tensorrt" else "")
    for format_ in ("onnx", "tensorrt")
    for precision in get_args(Precision)
]
# Windows of 64x96, whole images of 128x192, and one block a branch.
SMALL = ("ocrnet_hr18s_cityscapes_40k", "ocrnet_hr18s_ade20k_80k")


def _cases() -> list[Any]:
    as_served = [specs[0].name for specs in architectures().values()]
    assert len(as_served) == 11
    small = [pytest.param(name, True, marks=pytest.mark.slow, id=f"small {name}") for name in SMALL]
    marks = [pytest.mark.slow, pytest.mark.thorough]
    return small + [pytest.param(name, False, marks=marks, id=name) for name in as_served]


@pytest.mark.parametrize(("name", "small"), _cases())
def test_all_artefacts_fit_their_configurations(
    name: str, small: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trt = pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed", exc_type=ImportError
    )
    with ExitStack() as stack:
        if small:
            stack.enter_context(one_block_a_branch())
        spec = small_spec(name) if small else get_spec(name)
        source = Source(spec, RANDOM_WEIGHTS)
        for kind in kinds_of(spec):
            parsed = _build(source, kind, tmp_path, trt)
            write_configs(spec, tmp_path, Serving())
            assert all(kind in kinds for kinds in loadable_kinds(spec, tmp_path).values())
            assert not disagreements(tmp_path, spec, kind)
            versions = graph_folder(tmp_path, name, kind)
            assert not plans_of_other_versions(versions, name, SERVED_TRITON.tensorrt)
            _check_ports(versions, parsed)
            if small and kind == "window":
                _check_that_differences_are_found(tmp_path, spec, kind)
            shutil.rmtree(versions.parent)  # those of HRNet-W48 are gigabytes
    assert "shape" not in capfd.readouterr().err.lower()  # where ONNX Runtime would warn of it


def _check_ports(versions: Path, parsed: dict[str, Ports]) -> None:
    """What ONNX Runtime and TensorRT's parser say is what each configuration says."""
    compared = set()
    for path in [versions.parent / "config.pbtxt", *versions.parent.glob("configs/*.pbtxt")]:
        config = parse_config(path.read_text())
        for file, _ in loaded_files(config):
            if (versions / file).is_file():
                told = parsed[file] if file.endswith(".plan") else _told(versions / file)
                assert not differences(told, config), (path, file)
                compared.add(file)
    assert compared == {target.file for target in TARGETS}
    for file, ports in parsed.items():
        assert read_manifest(versions / f"{file}.manifest.json").build.ports == ports


def _check_that_differences_are_found(repository: Path, spec: ModelSpec, kind: Kind) -> None:
    folder = graph_folder(repository, spec.name, kind).parent
    paths = [folder / "config.pbtxt", *folder.glob("configs/*.pbtxt")]
    for path in paths:
        text = path.read_text()
        loaded = {file for file, _ in loaded_files(parse_config(text))}
        types = ("TYPE_FP16", "TYPE_FP32") if "TYPE_FP16" in text else ("TYPE_FP32", "TYPE_FP16")
        for before, after in (types, (f"dims: [{spec.classes},", "dims: [7,")):
            assert before in text
            path.write_text(text.replace(before, after))
            (found,) = disagreements(repository, spec, kind, loaded)
            assert f"does not fit {path}: output 'logits': the graph has" in found
        path.write_text(text)
    assert len(paths) == 6


def _told(path: Path) -> Ports:
    """A graph as ONNX Runtime tells Triton of it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    elements = {"tensor(uint8)": "UINT8", "tensor(float)": "FLOAT", "tensor(float16)": "FLOAT16"}

    def ports(values: list[Any]) -> tuple[Port, ...]:
        return tuple(
            Port(
                value.name,
                elements[value.type],
                tuple(dim if isinstance(dim, int) else FREE for dim in value.shape),
            )
            for value in values
        )

    return Ports(ports(session.get_inputs()), ports(session.get_outputs()))


def _build(source: Source, kind: Kind, repository: Path, trt: ModuleType) -> dict[str, Ports]:
    """Build all artefacts of a kind; return what TensorRT's parser made of each plan's graph.

    What is tested elsewhere is left out: how exact graphs are, NNCF, and what TensorRT does behind
    its parser.
    """
    parsed: list[Ports] = []

    def build_plan(
        trt: ModuleType, graph: onnx.ModelProto, shapes: ShapeRange, options: BuildOptions
    ) -> Plan:
        parsed.append(_parsed(trt, graph))
        return Plan(b"a plan", 1, 1, 1)

    def quantise_for_gpu(job: Job) -> Any:
        return SimpleNamespace(model=_with_qdq(job.source.plain_graph(job.kind)), report=None)

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.artefacts.build_artefact.open_runner", lambda *_: None)
        patch.setattr("export.artefacts.build_artefact.compare", lambda *_: {})
        for place in ("gpu_graphs", "onnx_int8", "tensorrt_plan"):
            patch.setattr(f"export.artefacts.{place}.quantise_for_gpu", quantise_for_gpu)
        for place in ("onnx_int8", "tensorrt_plan"):
            patch.setattr(f"export.artefacts.{place}.write_report", lambda *_: None)
        patch.setattr("export.artefacts.tensorrt_plan.build_plan", build_plan)
        patch.setattr("export.artefacts.tensorrt_plan.save_summary", lambda *_: None)
        served = SimpleNamespace(**vars(trt) | {"__version__": f"{SERVED_TRITON.tensorrt}.106"})
        patch.setattr("export.artefacts.tensorrt_plan.load_tensorrt", lambda _: served)
        for target in TARGETS:
            build_artefact(source, kind, target, BuildSettings(repository, gpu=A100))
            if target.is_plan:
                found[target.file] = parsed.pop()
    return found


def _parsed(trt: ModuleType, graph: onnx.ModelProto) -> Ports:
    logger = trt.Logger(trt.Logger.ERROR)
    network = trt.Builder(logger).create_network()
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(graph.SerializeToString()), parser.get_error(0).desc()
    elements = {
        trt.DataType.UINT8: "UINT8",
        trt.DataType.HALF: "FLOAT16",
        trt.DataType.FLOAT: "FLOAT",
    }
    inputs, outputs = (
        tuple(Port(t.name, elements[t.dtype], tuple(t.shape)) for t in map(tensor, range(number)))
        for tensor, number in (
            (network.get_input, network.num_inputs),
            (network.get_output, network.num_outputs),
        )
    )
    return Ports(inputs, outputs)


def _with_qdq(graph: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose first convolution has INT8 weights, as NNCF writes them."""
    result = onnx.ModelProto()
    result.CopyFrom(graph)
    nodes = result.graph.node
    place, conv = next((at, node) for at, node in enumerate(nodes) if node.op_type == "Conv")
    scale, zero = np.array(0.01, np.float32), np.array(0, np.int8)
    result.graph.initializer.append(numpy_helper.from_array(scale, "first/scale"))
    result.graph.initializer.append(numpy_helper.from_array(zero, "first/zero"))
    steps = [
        helper.make_node(f"{verb}Linear", [before, "first/scale", "first/zero"], [after], after)
        for verb, before, after in (
            ("Quantize", conv.input[1], "first/quantised"),
            ("Dequantize", "first/quantised", "first/dequantised"),
        )
    ]
    conv.input[1] = "first/dequantised"
    for step in reversed(steps):
        nodes.insert(place, step)
    onnx.checker.check_model(result)
    return result
