"""The command over drawn scenes, by all three ways, and what it refuses."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest

from benchmarks.accuracy.labellers import CoreLabeller, GatewayLabeller, engine_labeller
from benchmarks.accuracy.torch_labellers import WholeLabeller, torch_labeller
from benchmarks.miou import main
from benchmarks.speed.network_graph import NetworkGraph
from export import load_model
from ocrnet.engines.fake import FakeEngine
from ocrnet.engines.in_process import InProcessEngine
from ocrnet.inference.options import SegmentOptions
from ocrnet.scenes import IGNORE, draw_scene
from ocrnet.zoo import ModelSpec, Size, get_spec

pytestmark = pytest.mark.slow

DEMO = get_spec("demo")
SCENES = ["--scenes", "3", "--height", "128", "--width", "256"]


@pytest.mark.slow
def test_the_demo_on_scenes(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], masks_of_files: Callable
) -> None:
    repository = root / "model_repository"
    outputs = ["--json", str(tmp_path / "new" / "out.json"), "--confusion", str(tmp_path / "m.png")]
    scenes_asked = ["--scenes", "3", "--height", "256", "--width", "512"]
    assert main([*scenes_asked, "--repository", str(repository), *outputs]) == 0
    found = json.loads((tmp_path / "new" / "out.json").read_text())
    labeller = engine_labeller(DEMO, repository, "openvino", "exact", SegmentOptions("whole"))
    scenes = [draw_scene(seed, 256, 512) for seed in range(3)]
    predictions = [labeller.label(scene.image) for scene in scenes]
    labeller.close()
    expected = masks_of_files([scene.labels for scene in scenes], predictions, list(range(19)))
    assert list(found["iou"].values()) == expected["iou"]
    assert list(found["acc"].values()) == expected["acc"]
    assert found["miou"] == pytest.approx(expected["miou"], rel=1e-14)
    assert found["aacc"] > 0.8
    assert list(found) == [
        "model", "via", "data", "settings", "pictures", "miou", "macc", "aacc", "iou", "acc",
        "confusion",
    ]  # fmt: skip
    assert found["settings"]["runtime"] == "openvino"
    assert found["settings"]["precision"] == "exact"
    assert sum(map(sum, found["confusion"])) == sum((s.labels != IGNORE).sum() for s in scenes)
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "IoU", "Acc"]
    assert lines[20].split() == ["mIoU", f"{found['miou']:.4f}"]


@pytest.mark.parametrize(
    "options",
    [
        SegmentOptions("whole"),
        pytest.param(SegmentOptions("slide", Size(96, 160)), marks=pytest.mark.slow),
        pytest.param(SegmentOptions("whole", scales=(0.5, 1.0), flip=True), marks=pytest.mark.slow),
    ],
)
def test_torch_equals_the_engine(root: Path, options: SegmentOptions) -> None:
    image = draw_scene(4, 128, 256).image
    weights = root / "export" / "weights" / "demo.safetensors"
    labellers = (
        engine_labeller(DEMO, root / "model_repository", "openvino", "exact", options),
        torch_labeller(DEMO, str(weights), options),
    )
    served, reference = (labeller.label(image) for labeller in labellers)
    for labeller in labellers:
        labeller.close()
    assert reference.dtype == np.uint8
    assert (served == reference).mean() >= 0.999


@pytest.mark.parametrize(
    "spec",
    [
        DEMO,
        dataclasses.replace(DEMO, align_corners=True),
        pytest.param(get_spec("ocrnet_hr48_cityscapes_authors"), marks=pytest.mark.thorough),
    ],
    ids=["demo", "demo, corners aligned", "ocrnet_hr48_cityscapes_authors"],
)
def test_torch_alone_equals_torch_within_the_served_code(spec: ModelSpec) -> None:
    """The demo's logits keep no corners aligned, those of the authors' network do."""
    options = SegmentOptions("whole")
    image = draw_scene(1, 40, 56).image
    network = load_model(spec, "stand-in")
    alone = WholeLabeller(spec, network, {})
    within = CoreLabeller(spec, InProcessEngine(spec, {None: NetworkGraph(network)}), options, {})
    assert (alone.label(image) == within.label(image)).mean() >= 0.999
    within.close()


@pytest.mark.parametrize(
    "options",
    [
        SegmentOptions("whole"),
        SegmentOptions("slide", resize="published"),
        SegmentOptions("whole", resize="published", scales=(0.1, 0.15), flip=True),
    ],
)
def test_the_gateway_s_answer_is_scored(
    gateway: Callable[..., httpx2.Client], options: SegmentOptions
) -> None:
    image = draw_scene(0, 96, 200).image
    fake = FakeEngine(DEMO.classes, DEMO.output_stride)
    client = gateway(FakeEngine(DEMO.classes, DEMO.output_stride))
    served = GatewayLabeller(DEMO, str(client.base_url), options)
    core = CoreLabeller(DEMO, fake, options, {})
    np.testing.assert_array_equal(served.label(image), core.label(image))
    served.close()
    core.close()


def test_over_http_to_the_end(
    gateway: Callable[..., httpx2.Client], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(gateway().base_url)
    flags = [*SCENES, "--via", "http", "--url", url]
    assert main([*flags, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["settings"]["url"] == url
    assert main([*flags, "--model", "ocrnet_hr18s_cityscapes_40k"]) == 1
    assert "ocrnet_hr18s_cityscapes_40k" in capsys.readouterr().err
    assert main([*SCENES, "--via", "http", "--url", "http://127.0.0.1:9"]) == 1
    assert "no gateway answers at http://127.0.0.1:9" in capsys.readouterr().err


def test_the_bar(label_in_order: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """Of mIoU, and with it every class must be there."""

    def score(scenes: int, *flags: str) -> int:
        label_in_order(draw_scene(seed, 64, 128).labels % IGNORE for seed in range(scenes))
        size = ["--scenes", str(scenes), "--height", "64", "--width", "128"]
        return main([*size, *flags])

    assert score(1) == 0
    assert "not in these pictures: " in capsys.readouterr().out
    assert score(1, "--bar", "0.5") == 1
    capsys.readouterr()
    assert score(12, "--bar", "0.5") == 0
    assert "not in" not in capsys.readouterr().out
    assert score(12, "--bar", "1.01") == 1


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        (["--model", "demoo"], "no model is called 'demoo'"),
        (["--model", "ocrnet_hr18s_voc12_20k"], "name a folder of its data set with --data"),
        (["--scenes", "0"], "'0' is not a number of at least 1"),
        (["--seed", "-1"], "'-1' is not a number of at least 0"),
        (["--height", "31"], "'31' is not a number of at least 32"),
        (["--scales", "1,1"], "scales is '1,1': it takes 1 to 8 different numbers"),
        (["--mode", "both"], "invalid choice: 'both'"),
        (["--resize", "big"], "invalid choice: 'big'"),
        (["--limit", "3"], "--limit is for --data FOLDER"),
        (["--split", "train"], "--split is for --data FOLDER"),
        (["--data", "x", "--seed", "3"], "--seed is for drawn scenes; with --data, --limit"),
        (["--data", "x"], "there is no folder x to read cityscapes from"),
        (["--url", "http://127.0.0.1:1"], "--url is for --via http"),
        (["--via", "http"], "--via http needs --url"),
        (["--via", "http", "--url", "x"], "'x' is no URL of a gateway"),
        (["--via", "http", "--url", "http://x", "--runtime", "openvino"], "is for --via engine"),
        (["--via", "torch", "--precision", "fast"], "is for --via engine"),
        (["--precision", "fast", "--runtime", "onnxruntime"], "is for --runtime openvino"),
        (["--via", "torch", "--repository", "x"], "--repository is for --via engine"),
        (["--checkpoint", "stand-in"], "--checkpoint is for --via torch"),
        (["--via", "torch", "--checkpoint", "x.pth"], "x.pth is not there"),
        (["--repository", "x"], "x holds no graph of demo"),
        (["--confusion", "m.jpg"], "--confusion is m.jpg: its name ends with .png or .svg"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    flags: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert error in capsys.readouterr().err


def test_a_checkpoint_that_was_not_pulled_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["--via", "torch", "--model", "ocrnet_hr18s_cityscapes_40k"])
    assert "run 'ocrnet export pull ocrnet_hr18s_cityscapes_40k'" in capsys.readouterr().err
