"""`ocrnet export verify` on real artefacts of the demo model, at small sizes."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.graphs.source import DEMO_WEIGHTS, Source
from ocrnet.artefacts import graph_folder, read_manifest, sha256_of
from ocrnet.cli import main
from ocrnet.zoo import get_spec

pytestmark = pytest.mark.slow

# Labels of so small pictures flip more easily than the gate allows.
FEW = ("--scenes", "2", "--size", "96x192", "--max-changed", "0.5")


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's float32 graph as git holds it, and two artefacts more."""
    repository = tmp_path_factory.mktemp("repository")
    shutil.copytree(root / "model_repository" / "demo_dynamic", repository / "demo_dynamic")
    command = ["export", "build", "demo", "--kinds", "dynamic", "--to", "onnx-fp16", "openvino"]
    assert main([*command, "--repository", str(repository)]) == 0
    return repository


@pytest.fixture
def repository(built: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(built, tmp_path / "repository"))


def _spoil(repository: Path, name: str, factor: float) -> None:
    """Scale a weight of the float32 graph, and let its manifest vouch for that."""
    folder = graph_folder(repository, "demo", "dynamic")
    model = onnx.load(folder / "model.onnx")
    (weight,) = [w for w in model.graph.initializer if w.name == name]
    values = numpy_helper.to_array(weight)
    weight.CopyFrom(numpy_helper.from_array((values * factor).astype(values.dtype), name))
    onnx.save(model, folder / "model.onnx")
    path = folder / "model.onnx.manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["model.onnx"] = sha256_of(folder / "model.onnx")
    path.write_text(json.dumps(manifest))


def _classifier(repository: Path) -> str:
    """The stored name of the classifier's weight."""
    model = onnx.load(graph_folder(repository, "demo", "dynamic") / "model.onnx")
    (name,) = [w.name for w in model.graph.initializer if "1.conv_seg.weight" in w.name]
    return name


def test_artefacts_pass_and_page_and_json_say_the_same(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, page = tmp_path / "new" / "report.json", tmp_path / "new" / "report.html"
    command = ["export", "verify", "demo", "--repository", str(built), *FEW]
    assert main([*command, "--json", str(report), "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert out.count("PASS") == 4
    found = json.loads(report.read_text())
    (kind,) = found["kinds"]
    reference, artefacts = kind["reference"], {a["file"]: a for a in kind["artefacts"]}
    assert set(artefacts) == {"model.onnx", "model.xml", "model_fp16.onnx"}
    half = artefacts["model_fp16.onnx"]["figures"]
    assert artefacts["model.onnx"]["figures"]["logit_error"] < 1e-5 < half["logit_error"] < 3e-2
    assert 0 < half["changed_labels"] <= 5e-3
    assert half["latency_ms"] is None  # a CPU only imitates it
    assert artefacts["model.xml"]["figures"]["latency_ms"] > 0
    assert reference["miou_of_present"] < 0.2  # the demo knows larger scenes
    assert half["miou_loss"] is None
    assert "note: the loss of mIoU is not judged: PyTorch itself has" in out
    name, worst = half["worst_class"]
    losses = {n: 100 * (reference["iou"][n] - half["iou"][n]) for n in reference["present"]}
    assert worst == pytest.approx(losses[name])
    assert worst == pytest.approx(max(losses.values()))

    html = page.read_text()
    for text in (f"{100 * reference['miou']:.2f}", f"{half['logit_error']:.1e}"):
        assert text in out
        assert f">{text}<" in html
    assert f"{100 * half['changed_labels']:.3f} %" in html
    assert f"{half['changed_labels']:.3%}" in out
    # Self-contained: nothing is fetched, and each view has its five pictures.
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    assert html.count("<figure>") * 5 == html.count("<img ")
    assert html.count("<figure>") >= 4


def test_wrong_weights_fail_with_the_figures(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _spoil(repository, _classifier(repository), 0.5)
    command = ["export", "verify", "demo", "--repository", str(repository), *FEW]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert re.search(r"model\.onnx: logits are off by 0\.\d+ of the largest, allowed 0\.0001", out)
    assert re.search(r"model\.onnx: \d+\.\d+% of the labels change, allowed 0\.500%", out)
    assert "FAIL: 2 passed, 1 failed" in out


def test_logits_that_are_not_finite_fail(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _spoil(repository, _classifier(repository), float("nan"))
    report = tmp_path / "report.json"
    command = ["export", "verify", "demo", "--repository", str(repository), *FEW]
    assert main([*command, "--formats", "onnx", "--json", str(report)]) == 1
    assert "model.onnx: a logit is not finite" in capsys.readouterr().out
    artefacts = json.loads(report.read_text())["kinds"][0]["artefacts"]
    assert artefacts[0]["figures"]["logit_error"] is None


def test_a_gate_of_ones_own(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", "verify", "demo", "--repository", str(built), *FEW, "--max-changed", "0"]
    command += ["--formats", "onnx"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert re.search(r"model_fp16\.onnx: 0\.\d+% of the labels change, allowed 0\.000%", out)
    assert "FAIL: " in out


def test_what_cannot_be_trusted_fails_and_the_others_are_judged(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = graph_folder(repository, "demo", "dynamic")
    path = folder / "model_fp16.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    manifest = json.loads((folder / "model.xml.manifest.json").read_text())
    manifest["checkpoint_sha256"] = "0" * 64
    (folder / "model.xml.manifest.json").write_text(json.dumps(manifest))
    assert main(["export", "verify", "demo", "--repository", str(repository), *FEW]) == 1
    out = capsys.readouterr().out
    assert "model_fp16.onnx is damaged or not the file of its manifest" in out
    assert "model.xml: it was built from demo.safetensors, which is not the checkpoint" in out
    assert "FAIL: 1 passed, 2 failed" in out


def test_a_plan_without_a_gpu_is_not_run_unless_asked_for(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("export.tensorrt.api.shutil.which", lambda _: None)
    folder = graph_folder(repository, "demo", "dynamic")
    plan = folder / "model_sm80_fp16.plan"
    plan.write_bytes(b"a plan")
    graph = json.loads((folder / "model_fp16.onnx.manifest.json").read_text())
    graph |= {"format": "tensorrt", "file": plan.name, "files": {plan.name: sha256_of(plan)}}
    (folder / f"{plan.name}.manifest.json").write_text(json.dumps(graph))
    command = ["export", "verify", "demo", "--repository", str(repository), *FEW]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "model_sm80_fp16.plan: there is no NVIDIA GPU here" in out
    assert "PASS: 3 passed, 1 not run" in out
    assert main([*command, "--formats", "tensorrt"]) == 1
    assert "FAIL: 1 failed" in capsys.readouterr().out


def test_a_graph_that_cannot_be_loaded_is_an_error_and_not_left_out(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only plans need not run here: a broken graph among good ones must not pass."""
    folder = graph_folder(repository, "demo", "dynamic")
    manifest = json.loads((folder / "model.onnx.manifest.json").read_text())
    model = onnx.load(folder / "model.onnx")
    model.graph.node[-1].op_type = "NoSuchOperator"
    onnx.save(model, folder / "model.onnx")
    manifest["files"]["model.onnx"] = sha256_of(folder / "model.onnx")
    (folder / "model.onnx.manifest.json").write_text(json.dumps(manifest))
    assert main(["export", "verify", "demo", "--repository", str(repository), *FEW]) == 1
    said = capsys.readouterr()
    assert "PASS" not in said.out
    assert re.search(r"ONNX Runtime cannot load \S+model\.onnx: ", said.err)


def test_an_empty_repository_says_how_to_fill_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "verify", "demo", "--repository", str(tmp_path)]) == 1
    assert "ocrnet export build demo --to" in capsys.readouterr().err


def test_a_data_set_is_judged_in_its_own_sizes(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drawn scenes in Cityscapes' folders give what drawing them gives."""
    scenes = ["scenes", str(tmp_path / "city"), "--layout", "cityscapes", "--count", "2"]
    assert main([*scenes, "--seed", "0", "--height", "96", "--width", "192"]) == 0
    capsys.readouterr()
    report = tmp_path / "report.json"
    command = ["export", "verify", "demo", "--repository", str(built), "--formats", "openvino"]
    assert main([*command, "--json", str(report), *FEW]) == 0
    drawn = json.loads(report.read_text())["kinds"][0]["reference"]["iou"]
    assert main([*command, "--json", str(report), "--data", str(tmp_path / "city")]) == 0
    assert "on 2 pictures of Cityscapes val" in capsys.readouterr().out
    assert json.loads(report.read_text())["kinds"][0]["reference"]["iou"] == pytest.approx(drawn)


def test_pictures_in_which_all_is_ignored_have_no_miou(
    built: Path, tmp_path: Path, encode: Callable[..., bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """As those of Cityscapes' test split: NaN is no figure, passes no gate and is no JSON."""
    unlabelled = np.zeros((32, 64), np.uint8)
    for folder, name, image in (
        ("leftImg8bit", "leftImg8bit", np.full((32, 64, 3), 90, np.uint8)),
        ("gtFine", "gtFine_labelIds", unlabelled),
    ):
        path = tmp_path / folder / "test" / "berlin" / f"berlin_000000_000019_{name}.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode(image))
    report = tmp_path / "report.json"
    command = ["export", "verify", "demo", "--repository", str(built), "--formats", "openvino"]
    command += [
        "--data",
        str(tmp_path),
        "--split",
        "test",
        "--max-changed",
        "50",
        "--max-loss",
        "0.1",
    ]
    assert main([*command, "--json", str(report)]) == 1
    out = capsys.readouterr().out
    assert "model.xml: a loss of mIoU cannot be judged, allowed 0.100 points: no pixel" in out
    assert "note: the loss of mIoU is not judged: no pixel of the label maps has a class" in out
    assert "nan" not in out
    (kind,) = json.loads(report.read_text())["kinds"]
    figures = kind["artefacts"][0]["figures"]
    assert kind["reference"]["miou"] is figures["miou"] is figures["miou_loss"] is None
    assert kind["reference"]["present"] == []


@pytest.mark.parametrize("bound", ["nan", "inf", "much"])
def test_a_bound_is_a_number(bound: str, capsys: pytest.CaptureFixture[str]) -> None:
    """NaN would let everything pass, or nothing."""
    for flag in ("--max-loss", "--max-changed"):
        with pytest.raises(SystemExit):
            main(["export", "verify", "demo", flag, bound])
        err = capsys.readouterr().err
        assert f"argument {flag}: " in err
        assert bound in err


def test_the_demo_is_compared_with_its_own_weights(built: Path) -> None:
    folder = graph_folder(built, "demo", "dynamic")
    manifest = read_manifest(folder / "model.onnx.manifest.json")
    assert (
        manifest.checkpoint_sha256 == Source(get_spec("demo"), str(DEMO_WEIGHTS)).checkpoint_sha256
    )
    assert np.isfinite(list(manifest.parity.values())).all()
