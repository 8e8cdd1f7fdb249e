"""Graphs declare what Triton's configurations say, to the last dimension."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.artefacts.build_artefact import build_artefact, is_current
from export.artefacts.settings import BuildSettings
from export.artefacts.target_builder import Job
from export.artefacts.targets import Target
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.ports import declared_ports
from export.graphs.source import Source
from export.triton.agreement import disagreements
from export.triton.config_files import write_configs
from export.triton.models import Serving
from export.triton.port_differences import differences
from ocrnet.artefacts import FREE, Kind, Port, Ports, find_graphs, graph_folder, sha256_of
from ocrnet.cli import main
from ocrnet.zoo import ModelSpec, Size, get_spec
from tests.small_models import one_block_a_branch

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")
KINDS: tuple[Kind, ...] = ("dynamic", "window", "whole")
FLOAT32, FLOAT16 = Target("onnx", "float32"), Target("onnx", "float16")
INT8 = Target("onnx", "int8")
# The image's sides and those of the logits.
SIDES = {
    "dynamic": ((FREE, FREE), (FREE, FREE)),
    "window": ((64, 96), (16, 24)),
    "whole": ((97, 131), (25, 33)),
}


class _Small(ModelSpec):
    """A model whose whole pictures are small, and odd."""

    @property
    def whole(self) -> Size:
        return Size(97, 131)


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    """An HRNet of one block a branch, with windows of 64x96 and whole pictures of 97x131."""
    demo = get_spec("demo")
    facts = {field.name: getattr(demo, field.name) for field in dataclasses.fields(demo)}
    with one_block_a_branch():
        yield Source(_Small(**facts | {"crop": Size(64, 96)}), RANDOM_WEIGHTS)


@pytest.fixture(scope="module")
def built(source: Source, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Repositories with all ONNX graphs and configurations, by `--graph`.

    How exact graphs are is tested elsewhere, and so is NNCF: INT8 is what it would be made from.
    """

    def quantise_for_gpu(job: Job) -> Any:
        return SimpleNamespace(model=job.source.plain_graph(job.kind), report=None)

    repositories = {graph: tmp_path_factory.mktemp(graph) for graph in ("optimised", "plain")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.artefacts.build_artefact.open_runner", lambda *_: None)
        patch.setattr("export.artefacts.build_artefact.compare", lambda *_: {})
        for place in ("gpu_graphs", "onnx_int8"):
            patch.setattr(f"export.artefacts.{place}.quantise_for_gpu", quantise_for_gpu)
        patch.setattr("export.artefacts.onnx_int8.write_report", lambda *_: None)
        for kind in KINDS:
            for graph, targets in (("plain", (FLOAT32,)), ("optimised", (FLOAT32, FLOAT16, INT8))):
                settings = BuildSettings(repositories[graph], optimised=graph == "optimised")
                for target in targets:
                    build_artefact(source, kind, target, settings)
    for repository in repositories.values():
        write_configs(source.spec, repository, Serving())
    return repositories


@pytest.fixture
def repository(built: dict[str, Path], tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(built["optimised"], tmp_path / "repository"))


def _session(path: Path) -> tuple[onnxruntime.InferenceSession, Ports]:
    """A graph as ONNX Runtime has it, and what it tells Triton of it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
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

    return session, Ports(ports(session.get_inputs()), ports(session.get_outputs()))


def _config(path: Path) -> ModelConfig:
    return text_format.Parse(path.read_text(), ModelConfig())


@pytest.mark.parametrize(
    ("graph", "target"),
    [("optimised", FLOAT32), ("plain", FLOAT32), ("optimised", FLOAT16), ("optimised", INT8)],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_graphs_declare_the_shapes_that_they_have(
    built: dict[str, Path],
    kind: Kind,
    graph: str,
    target: Target,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = graph_folder(built[graph], "demo", kind) / target.file
    model = onnx.load(path)
    sides, cells = SIDES[kind]
    logits = "FLOAT16" if target is FLOAT16 else "FLOAT"
    outputs = [Port("logits", logits, (FREE, 19, *cells))]
    if kind == "whole" and target is not FLOAT32:
        outputs.append(Port("labels", "UINT8", (FREE, *sides)))
    expected = Ports((Port("image", "UINT8", (FREE, *sides, 3)),), tuple(outputs))
    assert declared_ports(model) == expected
    # Nor does anything inside contradict it.
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert declared_ports(inferred) == expected
    session, told = _session(path)
    assert told == expected
    height, width = sides if kind != "dynamic" else (70, 90)
    found = session.run(None, {"image": np.zeros((2, height, width, 3), np.uint8)})
    grid = cells if kind != "dynamic" else (18, 23)
    shapes = [(2, 19, *grid), (2, height, width)]
    assert [one.shape for one in found] == shapes[: len(outputs)]
    assert "shape" not in capfd.readouterr().err.lower()  # where ONNX Runtime would warn of it


@pytest.mark.parametrize("kind", KINDS)
def test_every_configuration_fits_what_it_serves(built: dict[str, Path], kind: Kind) -> None:
    for graph, variants in (("optimised", ("cpu", "onnx")), ("plain", ("cpu",))):
        folder = built[graph] / f"demo_{kind}"
        for variant in variants:
            config = _config(folder / "configs" / f"{variant}.pbtxt")
            _, told = _session(folder / "1" / config.default_model_filename)
            assert not differences(told, config)
        assert not disagreements(built[graph], SPEC, kind)


def test_the_graph_that_git_holds_fits_its_configurations(root: Path) -> None:
    folder = root / "model_repository" / "demo_dynamic"
    _, told = _session(folder / "1" / "model.onnx")
    assert not differences(told, _config(folder / "configs" / "cpu.pbtxt"))
    assert not disagreements(root / "model_repository", SPEC, "dynamic")


def _undeclare(repository: Path, kind: Kind) -> Path:
    """Make a float32 graph what the exporter made before: sound, its logits' shape unknown."""
    path = graph_folder(repository, "demo", kind) / FLOAT32.file
    model = onnx.load(path)
    for index, dim in enumerate(model.graph.output[0].type.tensor_type.shape.dim):
        dim.dim_param = f"Reshapelogits_dim_{index}" if index else "N"
    path.unlink()  # not through a link into another folder
    onnx.save(model, path)
    manifest = path.with_name(f"{path.name}.manifest.json")
    content = json.loads(manifest.read_text()) | {"files": {path.name: sha256_of(path)}}
    manifest.unlink()
    manifest.write_text(json.dumps(content))
    return path


def test_a_graph_of_before_is_served_and_built_anew(repository: Path, source: Source) -> None:
    settings = BuildSettings(repository)
    assert all(is_current(source, kind, FLOAT32, settings) for kind in KINDS)
    assert is_current(source, "whole", FLOAT16, settings)
    path = _undeclare(repository, "window")
    assert path in [graph.path for graph in find_graphs(repository, source.spec)]
    assert not is_current(source, "window", FLOAT32, settings)
    assert is_current(source, "whole", FLOAT32, settings)


def test_what_a_graph_declares_changes_no_bit_of_its_logits(
    built: dict[str, Path], repository: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    before, _ = _session(_undeclare(repository, "window"))
    after, _ = _session(graph_folder(built["optimised"], "demo", "window") / FLOAT32.file)
    found, expected = (one.run(["logits"], {"image": image})[0] for one in (after, before))
    np.testing.assert_array_equal(found, expected)


@pytest.fixture
def _small(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("build", "repository"):
        monkeypatch.setattr(f"export.commands.{command}.get_spec", lambda _: source.spec)


@pytest.mark.usefixtures("_small")
def test_commands_name_graphs_and_configurations_that_disagree(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--repository", str(repository)]
    build = ["export", "build", "demo", "--kinds", "window", "--checkpoint", RANDOM_WEIGHTS, *place]
    configure = ["export", "repository", "demo", *place]
    assert main([*configure, "--check"]) == main(configure) == main(build) == 0
    assert "there already" in capsys.readouterr().out
    graph = _undeclare(repository, "window")
    config = repository / "demo_window" / "configs" / "cpu.pbtxt"
    for command in (configure, [*configure, "--check"]):
        assert main(command) == 1
        err = capsys.readouterr().err
        assert (
            f"{graph} does not fit {config}: output 'logits': the graph has FP32 "
            "[-1, -1, -1, -1], the configuration FP32 [-1, 19, 16, 24]\n"
        ) in err
        assert "'ocrnet export build demo --to" in err
    assert main(build) == 0
    assert "of the largest logit" in capsys.readouterr().out  # built anew
    assert main(configure) == 0
    config.write_text(config.read_text().replace("[19, 16, 24]", "[19, 16, 25]"))
    capsys.readouterr()
    assert main(build) == 1
    captured = capsys.readouterr()
    assert "there already" in captured.out
    assert "the configuration FP32 [-1, 19, 16, 25]" in captured.err


@pytest.mark.parametrize("broken", ["configs/cpu.pbtxt", "1/model.onnx"])
def test_a_file_that_cannot_be_read_is_named(repository: Path, broken: str) -> None:
    path = repository / "demo_window" / broken
    path.unlink()
    path.write_bytes(b"\xff\xfe nothing { of the kind")
    (found,) = disagreements(repository, SPEC, "window")
    assert found.startswith(f"{path} is not ")


def test_only_what_onnx_runtime_serves_is_compared(repository: Path) -> None:
    path = repository / "demo_window" / "configs" / "cpu.pbtxt"
    text = path.read_text().replace("[19, 16, 24]", "[19, 16, 25]")
    text = text.replace('default_model_filename: "model.onnx"', "")
    path.write_text(text)
    assert len(disagreements(repository, SPEC, "window")) == 1
    path.write_text(text.replace("onnxruntime_onnx", "tensorrt_plan"))
    assert not disagreements(repository, SPEC, "window")


def test_a_build_answers_for_its_own_graphs_alone(repository: Path) -> None:
    """An older graph beside it does not make a build fail that worked."""
    path = repository / "demo_window" / "configs" / "cpu.pbtxt"
    path.write_text(path.read_text().replace("[19, 16, 24]", "[19, 16, 25]"))
    assert len(disagreements(repository, SPEC, "window", {"model.onnx"})) == 1
    assert not disagreements(repository, SPEC, "window", {"model_int8.xml"})
