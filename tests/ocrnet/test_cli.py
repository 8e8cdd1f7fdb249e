import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocrnet.artefacts import Manifest
from ocrnet.cli import main
from ocrnet.scenes import draw_scene


def test_models_lists_every_row_with_its_device_and_graphs(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = str(root / "model_repository")
    assert main(["models", "--repository", repository]) == 0
    lines = capsys.readouterr().out.splitlines()
    # A head, the models, and what must be known of the weights here.
    assert len(lines) == 28
    assert lines[-1] == "demo: trained on synthetic streets; photographs will look wrong"
    row = next(line for line in lines if line.startswith("ocrnet_hr18s_cityscapes_40k"))
    assert row.split() == [
        "ocrnet_hr18s_cityscapes_40k",
        "cityscapes",
        "76.61",
        "78.01",
        "10.45",
        "A100",
        "-",
    ]

    demo = next(line for line in lines if line.startswith("demo"))
    assert demo.split()[6:9] == ["demo", "dynamic,", "window"]


def test_published_figures_are_not_those_of_random_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "ocrnet_hr18s_cityscapes_40k"
    folder = tmp_path / f"{name}_dynamic" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").touch()
    manifest = Manifest(
        name, "dynamic", "onnx", "float32", "model.onnx", {}, None, None, ["logits"], 19,
        "stand-in", "", {}, {},
    )  # fmt: skip
    manifest.write(folder)
    assert main(["models", "--repository", str(tmp_path)]) == 0
    listed = capsys.readouterr().out.splitlines()
    row = next(line for line in listed if line.startswith(name))
    assert row.split()[1:] == ["cityscapes", "-", "-", "-", "-", "random", "dynamic"]
    assert f"{name}: random weights: masks mean nothing" in listed
    assert main(["models", "--json", "--repository", str(tmp_path)]) == 0
    facts = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert facts[name]["published"]["miou"] is None
    assert facts[name]["weights_here"]["origin"] == "random"
    other = facts["ocrnet_hr18_cityscapes_40k"]
    assert (other["published"]["miou"], other["weights_here"]) == (77.72, None)
    replace(manifest, file="model_int8.xml", checkpoint="x.pth", checkpoint_sha256="a" * 64).write(
        folder
    )
    assert main(["models", "--repository", str(tmp_path)]) == 0
    assert f"{name}: the artefacts have different weights" in capsys.readouterr().out
    (folder / "model.onnx.manifest.json").unlink()
    assert main(["models", "--repository", str(tmp_path)]) == 0
    assert f"{name}: weights of x.pth, not known" in capsys.readouterr().out
    (folder / "model.onnx.manifest.json").write_text("{}")
    assert main(["models", "--repository", str(tmp_path)]) == 0
    assert f"{name}: weights unknown" in capsys.readouterr().out


def test_numbers_that_cannot_be_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in (["--height", "31"], ["--count", "0"], ["--seed", "-1"], ["--width", "wide"]):
        with pytest.raises(SystemExit) as caught:
            main(["scenes", str(tmp_path), *flags])
        assert caught.value.code == 2
        assert "is not a number of at least" in capsys.readouterr().err


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 26


def test_scenes_writes_pictures_and_label_maps(tmp_path: Path) -> None:
    assert (
        main(["scenes", str(tmp_path / "new"), "--count", "2", "--height", "64", "--width", "96"])
        == 0
    )
    scene = draw_scene(1, 64, 96)
    picture = Image.open(BytesIO((tmp_path / "new" / "1.png").read_bytes()))
    labels = Image.open(BytesIO((tmp_path / "new" / "1_labels.png").read_bytes()))
    np.testing.assert_array_equal(np.asarray(picture), scene.image)
    np.testing.assert_array_equal(np.asarray(labels), scene.labels)


def test_an_error_of_ours_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", "--repository", str(tmp_path)]) == 1
    assert "ocrnet export build demo" in capsys.readouterr().err
    assert main(["export", "build"]) == 1
    assert capsys.readouterr().err == "ocrnet: say either which models, or --all\n"


def test_help_is_there_for_every_command_and_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    alone = ([], ["serve"], ["models"], ["scenes"], ["segment"], ["triton"], ["export"])
    of_export = (["export", name] for name in ("pull", "build", "verify", "repository"))
    for command in (*alone, *of_export):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        said = capsys.readouterr().out
        assert len(said) > 100
        assert [line for line in said.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "line",
    [
        "serve --max-pixel 5",
        "serve --thread=1",
        "triton --model demo",
        "models --js",
        "scenes new --cou 2",
        "segment a.png --form png",
        "export build demo --check stand-in",
        "export verify demo --kind dynamic",
        "export repository demo --queue-s 3",
    ],
)
def test_a_flag_that_is_cut_short_is_not_taken_for_another(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = line.split()
    flag = next(word for word in command if word.startswith("--"))
    with pytest.raises(SystemExit) as ended:
        main([*command, "--nothing-begins-so"])  # nothing may be done, whatever is accepted
    assert ended.value.code == 2
    assert f"unrecognized arguments: {flag}" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # there is a flag that begins so
        main([*command[: 2 if command[0] == "export" else 1], "--help"])
    assert f" {flag.partition('=')[0]}" in capsys.readouterr().out
