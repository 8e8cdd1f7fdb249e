"""Every kind of graph through the documented command, of a small network and of two of the zoo."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export import load_model
from export.evaluation.gates import parity_tolerance
from export.evaluation.parity import DYNAMIC_SIZES, compare
from export.evaluation.runners import run_onnx, run_pytorch
from export.graphs.ports import declared_ports
from export.triton.config_files import config_files
from export.triton.models import Serving
from export.triton.port_differences import differences
from ocrnet.artefacts import Kind, find_graphs, read_manifest
from ocrnet.cli import main
from ocrnet.engines import open_engine
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec, Size, get_spec
from tests.small_models import WHOLE, WINDOW, one_block_a_branch, small_spec

CITYSCAPES = "ocrnet_hr18s_cityscapes_40k"
VOC = "ocrnet_hr18_voc12_20k"
SMALL_VOC = "ocrnet_hr18s_voc12_20k"


@dataclass(frozen=True)
class Built:
    """What the command built: of Cityscapes all kinds, of VOC 2012 all but whole images."""

    repository: Path
    small: bool

    @property
    def voc(self) -> str:
        return SMALL_VOC if self.small else VOC

    @property
    def spec(self) -> Callable[[str], ModelSpec]:
        return small_spec if self.small else get_spec

    @contextmanager
    def zoo(self) -> Iterator[None]:
        """Let models be those that were built, wherever they are named."""
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            patch.setattr("export.commands.build.get_spec", self.spec)
            if self.small:
                stack.enter_context(one_block_a_branch())
            yield


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("small", marks=pytest.mark.slow),
        pytest.param("as served", marks=[pytest.mark.slow, pytest.mark.thorough]),
    ],
)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Of two architectures at the zoo's own sizes, and of a small network at small ones."""
    made = Built(tmp_path_factory.mktemp("repository"), request.param == "small")
    command = ["export", "build", CITYSCAPES, made.voc, "--checkpoint", "stand-in"]
    with made.zoo():
        assert main([*command, "--repository", str(made.repository)]) == 0
    return made


def test_every_kind_is_there_and_nothing_half_built(built: Built) -> None:
    assert sorted(path.name for path in built.repository.iterdir()) == sorted(
        [
            f"{built.voc}_dynamic",
            f"{built.voc}_window",
            f"{CITYSCAPES}_dynamic",
            f"{CITYSCAPES}_whole",
            f"{CITYSCAPES}_window",
        ]
    )
    assert not list(built.repository.glob("*/1.partial"))


@pytest.mark.parametrize(
    ("dataset", "kind", "as_served"),
    [
        ("cityscapes", "dynamic", None),
        ("cityscapes", "window", Size(512, 1024)),
        ("cityscapes", "whole", Size(1024, 2048)),
        ("voc12", "dynamic", None),
        ("voc12", "window", Size(512, 512)),
    ],
)
def test_graphs_keep_the_contract(
    built: Built, dataset: str, kind: Kind, as_served: Size | None
) -> None:
    name = CITYSCAPES if dataset == "cityscapes" else built.voc
    spec = built.spec(name)
    size = as_served
    if built.small:
        size = {"dynamic": None, "window": WINDOW, "whole": WHOLE}[kind]
    folder = f"{name}_{kind}"
    path = built.repository / folder / "1" / "model.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    names = [node.name for node in model.graph.node]
    assert all(names)
    assert len(names) == len(set(names))
    (image,), (logits,) = model.graph.input, model.graph.output
    assert (image.name, logits.name) == ("image", "logits")
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert logits.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    dims = [dim.dim_value or dim.dim_param for dim in image.type.tensor_type.shape.dim]
    assert dims == (["N", "H", "W", 3] if size is None else ["N", size.height, size.width, 3])
    classes = 19 if dataset == "cityscapes" else 21
    dims = [dim.dim_value or dim.dim_param for dim in logits.type.tensor_type.shape.dim]
    grid = ["h", "w"] if size is None else [size.height // 4, size.width // 4]
    assert dims == ["N", classes, *grid]
    configurations = config_files(spec, Serving())
    config = text_format.Parse(configurations[f"{folder}/configs/cpu.pbtxt"], ModelConfig())
    assert not differences(declared_ports(model), config)
    # uint8 may meet nothing but a Cast (TensorRT), and normalisation is not folded away.
    assert [node.op_type for node in model.graph.node if "image" in node.input] in (
        ["Cast"],
        ["Cast", "Shape"],
    )
    first = [node.op_type for node in model.graph.node if node.op_type in ("Sub", "Div", "Conv")]
    assert first[:3] == ["Sub", "Div", "Conv"]

    manifest = read_manifest(path.with_name("model.onnx.manifest.json"))
    assert manifest.checkpoint == "stand-in"
    assert (manifest.height, manifest.width) == (
        (size.height, size.width) if size else (None, None)
    )
    assert len(manifest.parity) >= (1 if size else 5)
    assert max(manifest.parity.values()) <= parity_tolerance("float32")


def test_parity_sizes_include_odd_ones_and_not_the_traced_one() -> None:
    assert len(set(DYNAMIC_SIZES)) >= 5
    assert Size(160, 224) not in DYNAMIC_SIZES
    assert any(size.height % 2 and size.width % 2 for size in DYNAMIC_SIZES)


def test_parity_fails_for_a_graph_of_other_weights(built: Built) -> None:
    with built.zoo():
        network = load_model(CITYSCAPES, "stand-in")
    with torch.no_grad():
        network.get_parameter("decode_head.1.conv_seg.bias")[3] += 0.01
    path = built.repository / f"{CITYSCAPES}_dynamic" / "1" / "model.onnx"
    with pytest.raises(ArtefactError, match="of the largest"):
        compare(run_pytorch(network), run_onnx(path), (Size(40, 40),), "float32")


def test_the_engine_takes_the_fixed_graph_for_its_size(built: Built) -> None:
    spec = built.spec(CITYSCAPES)
    graphs = [one for one in find_graphs(built.repository, spec) if one.manifest.kind != "whole"]
    shape = (1, spec.crop.height, spec.crop.width, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    async def ask(chosen: list, *images: np.ndarray) -> list[np.ndarray]:
        engine = open_engine(spec, chosen)
        try:
            return [await engine.infer(each, "logits") for each in images]
        finally:
            await engine.close()

    both = np.concatenate([image[:, ::-1], image])  # one by one, in their order
    fixed, two = asyncio.run(ask(graphs, image, both))
    (dynamic,) = asyncio.run(ask([one for one in graphs if one.fixed_size is None], image))
    np.testing.assert_allclose(fixed, dynamic, atol=1e-4 * np.abs(dynamic).max())
    np.testing.assert_array_equal(two[1:], fixed)
    assert np.abs(two[0] - two[1]).max() > 0
    with pytest.raises(ArtefactError, match="dynamic graph"):
        asyncio.run(ask([graph for graph in graphs if graph.fixed_size], image))


@pytest.mark.slow
def test_all_exports_the_demo_from_its_own_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the documented command would replace the graph that git holds."""
    monkeypatch.setattr("export.commands.build.load_zoo", lambda: {"demo": get_spec("demo")})
    command = ["export", "build", "--all", "--checkpoint", "stand-in", "--kinds", "dynamic"]
    assert main([*command, "--repository", str(tmp_path)]) == 0
    folder = tmp_path / "demo_dynamic" / "1"
    assert read_manifest(folder / "model.onnx.manifest.json").checkpoint == "demo.safetensors"
    assert (folder / "model.onnx").stat().st_size <= 14_000_000


def test_a_kind_that_the_model_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "build", VOC, "--checkpoint", "stand-in", "--kinds", "whole"]
    assert main([*command, "--repository", str(tmp_path)]) == 1
    assert "has no whole graph, only dynamic, window" in capsys.readouterr().err


def test_a_mistake_in_the_last_model_is_found_before_the_first_is_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "build", CITYSCAPES, VOC, "--checkpoint", "stand-in", "--kinds", "whole"]
    assert main([*command, "--repository", str(tmp_path)]) == 1
    assert f"{VOC} has no whole graph" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_pulled_checkpoint_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["export", "build", VOC]) == 1
    assert f"ocrnet export pull {VOC}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_pulled_checkpoint_is_exported_and_named_in_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = get_spec(SMALL_VOC)
    cached = tmp_path / "cache" / "ocrnet" / "checkpoints" / spec.checkpoint.file_name
    cached.parent.mkdir(parents=True)
    command = ["export", "build", spec.aliases[0], "--kinds", "dynamic"]
    with one_block_a_branch():
        network = load_model(SMALL_VOC, "stand-in")
        torch.save({"state_dict": network.state_dict(), "meta": {}}, cached)
        assert main([*command, "--repository", str(tmp_path)]) == 0
    manifest = json.loads(
        (tmp_path / f"{SMALL_VOC}_dynamic" / "1" / "model.onnx.manifest.json").read_text()
    )
    assert manifest["checkpoint"] == spec.checkpoint.file_name
    assert len(manifest["checkpoint_sha256"]) == 64


def test_fixed_graphs_are_rewritten_unless_asked_otherwise(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def passes(folder: Path) -> list[str]:
        manifest = read_manifest(folder / "1" / "model.onnx.manifest.json")
        return manifest.build.passes

    all_of_them = ["split_bottleneck", "token_head", "associative"]
    assert passes(built.repository / f"{built.voc}_window") == all_of_them
    assert passes(built.repository / f"{built.voc}_dynamic") == []
    command = ["export", "build", SMALL_VOC, "--checkpoint", "stand-in", "--kinds", "window"]
    command += ["--repository", str(tmp_path)]
    with built.zoo():
        for flags, expected in [(["--graph", "plain"], []), ([], all_of_them)]:
            capsys.readouterr()
            assert main([*command, *flags]) == 0
            assert "of the largest logit" in capsys.readouterr().out  # built, the second time too
            assert passes(tmp_path / f"{SMALL_VOC}_window") == expected
        assert main(command) == 0
    assert "of the largest logit" not in capsys.readouterr().out
