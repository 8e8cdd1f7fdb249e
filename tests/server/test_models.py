"""Several models in one gateway, and when each is loaded."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from PIL import Image

from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.source import Source
from ocrnet.artefacts import MANIFEST_SUFFIX, graph_folder, read_manifest, sha256_of
from ocrnet.cli import main
from ocrnet.engines import Engine
from ocrnet.engines.fake import FakeEngine
from ocrnet.errors import ArtefactError
from ocrnet.zoo import get_spec
from server.models import ServedModel
from server.settings import Settings
from tests.patience import ever_longer, patience, wait_until

pytestmark = pytest.mark.slow

OTHER = "ocrnet_hr18s_ade20k_80k"


@pytest.fixture(scope="module")
def repository(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, and a stand-in of a model with other classes."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(root / "model_repository", folder, dirs_exist_ok=True)
    other = Source(get_spec(OTHER), "stand-in")
    build_artefact(other, "dynamic", Target("onnx", "float32"), BuildSettings(folder))
    return folder


def _mask(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(BytesIO(answer.content))


@pytest.mark.parametrize("load", ["start", "first-use"])
def test_each_request_gets_the_model_it_names(
    gateway_process: Callable[..., Any],
    repository: Path,
    encode: Callable[..., bytes],
    load: str,
) -> None:
    flags = ("--repository", str(repository), "--models", f"demo,{OTHER}", "--load", load)
    process = gateway_process(*flags, "--default-model", OTHER)
    client = process.client
    listed = client.get("/models").json()
    assert listed["default"] == OTHER
    assert [model["loaded"] for model in listed["models"]] == [load == "start"] * 2
    data = encode(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    by_default = _mask(client.post("/segment", files={"image": data}))
    assert client.get("/models").json()["models"][1]["loaded"]
    if load == "first-use":
        assert client.get("/models/demo").json()["memory_bytes"] is None
    named = _mask(client.post("/segment", params={"model": OTHER}, files={"image": data}))
    np.testing.assert_array_equal(np.asarray(by_default), np.asarray(named))
    palette = get_spec(OTHER).labels.colours.ravel().tolist()
    assert by_default.getpalette()[: len(palette)] == palette
    demo = _mask(client.post("/segment", params={"model": "demo"}, files={"image": data}))
    assert np.asarray(demo).max() < 19
    for name in ("demo", OTHER):
        facts = client.get(f"/models/{name}").json()
        assert facts["loaded"]
        assert facts["memory_bytes"] > 2**20
        assert facts["graphs"][0]["precision"] == "float32"
        assert facts["graphs"][0]["parity"]
    _check_what_is_said_of_weights(client, process.log.read_text())


def _check_what_is_said_of_weights(client: Any, log: str) -> None:
    """Random weights and the demo's, which no published figure is of."""
    said = {
        "demo": ("demo", "trained on synthetic streets; photographs will look wrong"),
        OTHER: ("random", "random weights: masks mean nothing"),
    }
    listed = {model["name"]: model for model in client.get("/models").json()["models"]}
    for name, (origin, note) in said.items():
        for facts in (listed[name], client.get(f"/models/{name}").json()):
            assert set(facts["published"].values()) == {None}
            assert (facts["weights"]["origin"], facts["weights"]["note"]) == (origin, note)
        (start,) = [line for line in log.splitlines() if line.startswith("Serving ")]
        assert f"{name} ({note})" in start


def test_other_weights_than_at_the_start_are_not_loaded(
    gateway_process: Callable[..., Any], repository: Path, tmp_path: Path,
    encode: Callable[..., bytes],
) -> None:  # fmt: skip
    """What was said of them at the start would stand beside masks by others."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    client = gateway_process("--repository", str(tmp_path), "--load", "first-use").client
    path = graph_folder(tmp_path, "demo", "dynamic") / f"model.onnx{MANIFEST_SUFFIX}"
    manifest = read_manifest(path)
    replace(manifest, checkpoint="stand-in", checkpoint_sha256="").write(path.parent)
    data = encode(np.zeros((64, 64, 3), np.uint8))
    answer = client.post("/segment", files={"image": data})
    assert (answer.status_code, answer.json()["code"]) == (500, "bad_artefact")
    manifest.write(path.parent)
    assert client.post("/segment", files={"image": data}).status_code == 200


def test_graphs_of_different_weights_are_not_served_together(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Masks would depend on the image's size."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    window = graph_folder(tmp_path, OTHER, "window")
    window.parent.mkdir(exist_ok=True)
    shutil.copytree(graph_folder(tmp_path, OTHER, "dynamic"), window)
    manifest = read_manifest(window / f"model.onnx{MANIFEST_SUFFIX}")
    other = {"checkpoint": "x.pth", "checkpoint_sha256": "a" * 64, "weights": ""}
    replace(manifest, kind="window", height=512, width=512, **other).write(window)
    command = ["serve", "--port", "0", "--repository", str(tmp_path), "--models", OTHER]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "have different weights" in said
    assert "x.pth" in said
    assert "stand-in" in said


@pytest.fixture(scope="module")
def fast_repository(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the demo as an artefact of precision INT8: the float graph, which is told apart."""
    folder = tmp_path_factory.mktemp("fast")
    shutil.copytree(repository, folder, dirs_exist_ok=True)
    place = graph_folder(folder, "demo", "dynamic")
    graph = openvino.Core().read_model(str(place / "model.onnx"))
    openvino.save_model(graph, place / "model_int8.xml")
    files = {name: sha256_of(place / name) for name in ("model_int8.xml", "model_int8.bin")}
    exact = read_manifest(place / f"model.onnx{MANIFEST_SUFFIX}")
    fast = replace(exact, format="openvino", precision="int8", file="model_int8.xml", files=files)
    fast.write(place)
    return folder


def test_models_named_fast_run_in_int8_and_say_so(
    gateway_process: Callable[..., Any], fast_repository: Path, encode: Callable[..., bytes]
) -> None:
    flags = ("--repository", str(fast_repository), "--models", f"demo,{OTHER}", "--fast", "demo")
    client = gateway_process(*flags).client
    listed = {model["name"]: model["precision"] for model in client.get("/models").json()["models"]}
    assert listed == {"demo": "fast", OTHER: "exact"}
    for name, precision in (("demo", "int8"), (OTHER, "float32")):
        graphs = client.get(f"/models/{name}").json()["graphs"]
        assert {graph["precision"] for graph in graphs} == {precision}
    data = encode(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8))
    _mask(client.post("/segment", params={"model": "demo"}, files={"image": data}))


def test_a_model_without_int8_graphs_is_not_served_fast(
    fast_repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["serve", "--port", "0", "--repository", str(fast_repository), "--fast", "all"]
    assert main([*command, "--models", f"demo,{OTHER}"]) == 1
    assert f"ocrnet export build {OTHER} --to int8" in capsys.readouterr().err


def test_a_damaged_int8_graph_is_refused(
    fast_repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(fast_repository, tmp_path, dirs_exist_ok=True)
    weights = graph_folder(tmp_path, "demo", "dynamic") / "model_int8.bin"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    command = ["serve", "--port", "0", "--repository", str(tmp_path), "--fast", "demo"]
    assert main(command) == 1
    assert "model_int8.bin is damaged" in capsys.readouterr().err


class _SlowModel(ServedModel):
    """Loads only once the gate is open, and fails the first time."""

    def __init__(self) -> None:
        super().__init__(get_spec("demo"), [], self._open_slowly)
        self.gate = threading.Event()
        self.asked = 0
        self.loads = 0

    async def engine(self) -> Engine:
        self.asked += 1
        return await super().engine()

    def _open_slowly(self) -> FakeEngine:
        self.gate.wait(patience(10))
        self.loads += 1
        if self.loads == 1:
            raise ArtefactError("/secret/path is damaged")
        return FakeEngine(19)


def test_a_load_outlives_its_requests_and_a_failed_one_is_tried_again(
    gateway: Callable[..., Any], encode: Callable[..., bytes]
) -> None:
    model = _SlowModel()
    client = gateway(model=model)
    data = encode(np.zeros((8, 8, 3), np.uint8))
    for seconds in ever_longer(0.2):
        hurry = {"X-Request-Timeout": f"{seconds:g}"}
        late = client.post("/segment", files={"image": data}, headers=hurry)
        assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
        if model.asked:
            break
    assert model.loads == 0  # it was not waited for
    asked = model.asked
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(client.post, "/segment", files={"image": data})
        wait_until(lambda: model.asked > asked, seconds=1)
        model.gate.set()
        failed = second.result()
    assert (failed.status_code, failed.json()["code"]) == (500, "bad_artefact")
    assert "cannot be loaded" in failed.json()["detail"]
    assert "secret" not in failed.text
    assert client.post("/segment", files={"image": data}).status_code == 200
    assert model.loads == 2


def test_a_graph_that_changed_since_the_start_is_not_loaded(
    gateway_process: Callable[..., Any], repository: Path, tmp_path: Path,
    encode: Callable[..., bytes],
) -> None:  # fmt: skip
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    client = gateway_process("--repository", str(tmp_path), "--load", "first-use").client
    graph = tmp_path / "demo_dynamic" / "1" / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    data = encode(np.zeros((64, 64, 3), np.uint8))
    answer = client.post("/segment", files={"image": data})
    assert (answer.status_code, answer.json()["code"]) == (500, "bad_artefact")
    graph.write_bytes(whole)
    assert client.post("/segment", files={"image": data}).status_code == 200


def test_graphs_that_went_or_came_since_the_start_change_nothing(
    gateway_process: Callable[..., Any], repository: Path, tmp_path: Path,
    encode: Callable[..., bytes],
) -> None:  # fmt: skip
    """`/models` says what was found at the start: nothing else runs, and nothing less."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    folder, aside = graph_folder(tmp_path, "demo", "dynamic"), tmp_path / "aside"
    other = graph_folder(tmp_path, "demo", "window")
    shutil.rmtree(other, ignore_errors=True)
    client = gateway_process("--repository", str(tmp_path), "--load", "first-use").client
    described = client.get("/models/demo").json()["graphs"]
    folder.rename(aside)
    data = encode(np.zeros((64, 64, 3), np.uint8))
    answer = client.post("/segment", files={"image": data})
    assert (answer.status_code, answer.json()["code"]) == (500, "bad_artefact")
    aside.rename(folder)
    # An empty file: opening it would fail.
    other.mkdir(parents=True, exist_ok=True)
    (other / "model.onnx").write_bytes(b"")
    assert client.post("/segment", files={"image": data}).status_code == 200
    assert client.get("/models/demo").json()["graphs"] == described


def test_an_alias_is_a_default_too() -> None:
    name = "ocrnet_hr48_cityscapes_160k"
    alias = get_spec(name).aliases[0]
    assert Settings(models=name, default_model=alias).default_model == alias


def test_a_damaged_graph_is_found_at_start_however_late_it_would_be_loaded(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    graph = next((tmp_path / "demo").rglob("*.onnx"), None) or next(tmp_path.rglob("*.onnx"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    flags = ["--repository", str(tmp_path), "--models", f"demo,{OTHER}", "--load", "first-use"]
    assert main(["serve", "--port", "0", *flags]) == 1
    assert "ocrnet serve: " in capsys.readouterr().err


def test_a_default_that_is_not_served_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--models", "demo", "--default-model", OTHER]) == 2
    assert "--default-model" in capsys.readouterr().err
