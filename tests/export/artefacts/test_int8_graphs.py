"""`ocrnet export build` of INT8: what lies where, and when it is made anew.

NNCF has its own tests; here the graph is not quantised at all, and small.
"""

import dataclasses
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
from numpy.typing import NDArray

from export.int8.layer_groups import LAYER_GROUPS, OF_REWRITTEN
from ocrnet.artefacts import kinds_present, read_manifest
from ocrnet.artefacts.repository import check_artefact
from ocrnet.cli import main
from ocrnet.zoo import ModelSpec, Size, get_spec


@pytest.fixture(autouse=True)
def spec(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """The demo model, with windows of 64x96."""
    small = dataclasses.replace(get_spec("demo"), crop=Size(64, 96))
    monkeypatch.setattr("export.commands.build.get_spec", lambda name: small)
    return small


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What NNCF would have been asked for."""
    calls: list[str] = []

    def to_openvino(
        model: onnx.ModelProto,
        pictures: Sequence[NDArray[np.uint8]],
        kept_in_float: Collection[str],
        rewritten: onnx.ModelProto,
    ) -> openvino.Model:
        assert rewritten == model  # windows have the size of the pictures
        calls.append(f"openvino {len(pictures)} {pictures[0].shape}")
        result: openvino.Model = openvino.Core().read_model(model.SerializeToString())
        return result

    def to_qdq(
        model: onnx.ModelProto,
        pictures: Sequence[NDArray[np.uint8]],
        kept_in_float: Collection[str],
    ) -> onnx.ModelProto:
        calls.append(f"qdq {len(pictures)} {pictures[0].shape}")
        return model

    monkeypatch.setattr("export.int8.quantise.to_openvino", to_openvino)
    monkeypatch.setattr("export.int8.quantise.to_qdq", to_qdq)
    return calls


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch, toy: onnx.ModelProto) -> None:
    """Nothing to export, nor to compare with the network."""
    monkeypatch.setattr("export.graphs.source.Source.plain_graph", lambda *_: toy)
    monkeypatch.setattr("export.graphs.source.Source.traced_graph", lambda *_: toy)
    monkeypatch.setattr("export.graphs.source.Source.optimised_graph", lambda *_: toy)
    monkeypatch.setattr("export.artefacts.build_artefact.compare", lambda *_: {"64x96": 0.0})


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., int]:
    def build(*arguments: str) -> int:
        command = ["export", "build", "demo", "--kinds", "window", "--calibration-pictures", "2"]
        return main([*command, *arguments, "--repository", str(tmp_path / "repository")])

    return build


@pytest.mark.slow
def test_both_targets_lie_beside_each_other(
    build: Callable[..., int], tmp_path: Path, spec: ModelSpec, calls: list[str]
) -> None:
    assert build("--to", "int8", "onnx-int8") == 0
    assert calls == ["openvino 2 (1, 64, 96, 3)", "qdq 2 (1, 64, 96, 3)"]
    folder = tmp_path / "repository" / "demo_window" / "1"
    plain = [part for part in LAYER_GROUPS if part not in OF_REWRITTEN]
    for file, needed, parts in (
        ("model_int8.xml", ["model_int8.bin"], list(LAYER_GROUPS)),
        ("model_int8.onnx", [], plain),
    ):
        manifest = check_artefact(folder, file, spec).manifest
        assert manifest.precision == "int8"
        assert set(manifest.files) == {file, *needed}
        assert "nncf" in manifest.versions
        assert manifest.build.int8 is not None
        assert manifest.build.int8.calibration == "drawn scenes 500000 to 500001"
        kept = {"normalisation", "spatial gather", *OF_REWRITTEN} & set(parts)
        assert manifest.build.int8.kept_in_float == sorted(kept)
        assert ("convolutions" in manifest.build.passes) == (parts == list(LAYER_GROUPS))
        assert manifest.build.int8.changed_labels < 1e-3
        report = json.loads((folder / f"{file}.int8.json").read_text())
        assert [part["name"] for part in report["parts"]] == parts
        assert report["gate"] == {"changed_labels": 0.03, "miou_loss": 0.5}
    assert kinds_present(tmp_path / "repository", "demo") == []  # nothing for the engine in process


@pytest.mark.slow
@pytest.mark.usefixtures("_toy")
def test_it_is_made_anew_only_for_other_pictures(
    build: Callable[..., int],
    tmp_path: Path,
    calls: list[str],
    encode: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(3):
        image = np.full((70, 100, 3), 50 * number, np.uint8)
        (tmp_path / f"{number}.png").write_bytes(encode(image))
    folder = ("--calibration", str(tmp_path))
    for arguments, expected in (
        ((), "0.00% of the labels changed"),
        ((), "there already"),
        (("--calibration-pictures", "3"), "0.00% of the labels changed"),
        (folder, "0.00% of the labels changed"),
        (folder, "there already"),
        (("--measure-parts", *folder), "0.00% of the labels changed"),
        (folder, "there already"),
    ):
        assert build("--to", "int8", *arguments) == 0
        assert expected in capsys.readouterr().out, arguments
    assert len(calls) == 1 + 1 + 1 + (1 + len(LAYER_GROUPS) - len(OF_REWRITTEN))
    manifest = tmp_path / "repository" / "demo_window" / "1" / "model_int8.xml.manifest.json"
    made_with = read_manifest(manifest).build.int8
    assert made_with is not None
    assert made_with.calibration.startswith("2 pictures of a folder, SHA")


@pytest.mark.usefixtures("_toy")
def test_a_report_goes_with_its_artefact(build: Callable[..., int], tmp_path: Path) -> None:
    """One of the graph before would name other parts."""
    assert build("--to", "int8", "onnx-int8") == 0
    folder = tmp_path / "repository" / "demo_window" / "1"
    reports = [folder / "model_int8.xml.int8.json", folder / "model_int8.onnx.int8.json"]
    for report in reports:
        report.write_text("old")
    assert build("--to", "int8", "--force") == 0
    assert [report.read_text() == "old" for report in reports] == [False, True]


@pytest.mark.usefixtures("_toy")
def test_random_weights_have_a_gate_of_their_own(build: Callable[..., int], tmp_path: Path) -> None:
    assert build("--to", "onnx-int8", "--checkpoint", "stand-in") == 0
    report = tmp_path / "repository" / "demo_window" / "1" / "model_int8.onnx.int8.json"
    assert json.loads(report.read_text())["gate"]["changed_labels"] == 0.05


def test_a_bad_folder_is_named_before_anything_is_built(
    build: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build("--to", "int8", "--calibration", str(tmp_path)) == 1
    assert "holds 0 pictures" in capsys.readouterr().err
    assert not (tmp_path / "repository").exists()


def test_what_to_install_is_said(
    build: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert build("--to", "int8") == 1
    assert "pip install 'nncf>=3.0'" in capsys.readouterr().err
