"""Each data set in its own layout, with known predictions: figures and files to submit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.miou import main
from ocrnet.zoo import load_labels

Labels = NDArray[np.uint8]

# cityscapesscripts/helpers/labels.py: the labelIds of the 19 classes, by trainId.
CITYSCAPES_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
SIZES = ((23, 31), (40, 20), (16, 16))
MODELS = {
    "cityscapes": "demo",
    "ade20k": "ocrnet_hr18s_ade20k_80k",
    "voc12": "ocrnet_hr18s_voc12_20k",
}


def _picture(path: Path, array: NDArray[np.uint8], mode: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    if mode == "P":
        picture = Image.frombytes("P", picture.size, array.tobytes())
        picture.putpalette(np.arange(256, dtype=np.uint8).repeat(3).tobytes())
    picture.save(path)


def _write(folder: Path, name: str, image: NDArray[np.uint8], stored: Labels, kind: str) -> None:
    if kind.startswith("label"):
        stem = folder / "leftImg8bit" / "val" / "ulm" / f"{name}_leftImg8bit.png"
        _picture(stem, image, "RGB")
        truth = folder / "gtFine" / "val" / "ulm" / f"{name}_gtFine_{kind}.png"
        _picture(truth, stored, "L")
    elif kind == "ade20k":
        _picture(folder / "images" / "validation" / f"{name}.jpg", image, "RGB")
        _picture(folder / "annotations" / "validation" / f"{name}.png", stored, "L")
    else:
        _picture(folder / "JPEGImages" / f"{name}.jpg", image, "RGB")
        _picture(folder / "SegmentationClass" / f"{name}.png", stored, "P")
        listed = folder / "ImageSets" / "Segmentation" / "val.txt"
        listed.parent.mkdir(parents=True, exist_ok=True)
        with listed.open("a") as names:
            names.write(f"{name}\n")


# What files hold: values of the classes in their order, and some that are ignored.
CASES = {
    "labelTrainIds": ("cityscapes", list(range(19)), [255]),
    "labelIds": ("cityscapes", CITYSCAPES_IDS, [0, 4, 9, 30, 255]),
    "ade20k": ("ade20k", list(range(1, 151)), [0]),
    "voc12": ("voc12", list(range(21)), [255]),
}


@pytest.mark.parametrize("kind", CASES)
def test_figures_and_files_to_submit(
    kind: str, tmp_path: Path, label_in_order: Callable, masks_of_files: Callable
) -> None:
    dataset, values, ignored = CASES[kind]
    dice = np.random.default_rng(7)
    truths, predictions = [], []
    for number, (height, width) in enumerate(SIZES):
        # The last class is nowhere, the one before it is found and never there.
        classes = dice.integers(0, len(values) - 2, (height, width))
        guess = dice.integers(0, len(values) - 1, (height, width))
        right = dice.random((height, width)) < 0.6
        predictions.append(np.where(right, classes, guess).astype(np.uint8))
        stored = np.array(values, np.uint8)[classes]
        stored[dice.random((height, width)) < 0.15] = dice.choice(ignored)
        truths.append(stored)
        image = dice.integers(0, 256, (height, width, 3)).astype(np.uint8)
        _write(tmp_path / "data", f"ulm_{number:06d}_000019", image, stored, kind)
    labeller = label_in_order(predictions)
    flags = ["--model", MODELS[dataset], "--data", str(tmp_path / "data")]
    outputs = ["--json", str(tmp_path / "out.json"), "--predictions", str(tmp_path / "to")]
    assert main([*flags, *outputs]) == 0
    assert labeller.closed

    found = json.loads((tmp_path / "out.json").read_text())
    expected = masks_of_files(truths, predictions, values)
    names = load_labels(dataset).names
    for figure in ("iou", "acc"):
        assert list(found[figure]) == list(names)
        assert list(found[figure].values()) == expected[figure]
        assert None in expected[figure]
    for figure in ("miou", "macc", "aacc"):
        assert found[figure] == pytest.approx(expected[figure], rel=1e-14)
    assert found["pictures"] == 3
    assert np.array(found["confusion"]).sum() == sum(np.isin(t, values).sum() for t in truths)

    for number, labels in enumerate(predictions):
        _check_file(tmp_path / "to", f"ulm_{number:06d}_000019.png", labels, dataset)


def _check_file(folder: Path, name: str, labels: Labels, dataset: str) -> None:
    with Image.open(folder / "ulm" / name if dataset == "cityscapes" else folder / name) as file:
        stored: Any = np.asarray(file)
        assert file.format == "PNG"
        assert file.mode == ("P" if dataset == "voc12" else "L")
        palette = file.getpalette() if dataset == "voc12" else None
    assert stored.dtype == np.uint8
    if dataset == "cityscapes":
        np.testing.assert_array_equal(stored, np.array(CITYSCAPES_IDS)[labels])
    elif dataset == "ade20k":
        np.testing.assert_array_equal(stored, labels + 1)
    else:
        np.testing.assert_array_equal(stored, labels)
        assert palette is not None
        # VOCdevkit's VOClabelcolormap: background, aeroplane, bicycle, …, tvmonitor.
        assert palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        assert palette[60:63] == [0, 64, 128]


def test_a_limit_counts_the_first_pictures_alone(
    tmp_path: Path, label_in_order: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    right = np.zeros((4, 6), np.uint8)
    image = np.zeros((4, 6, 3), np.uint8)
    for name in ("a", "b", "c"):
        _write(tmp_path / "data", name, image, right, "voc12")
    label_in_order([right, right + np.uint8(1)])
    flags = ["--model", MODELS["voc12"], "--data", str(tmp_path / "data"), "--limit", "2"]
    assert main(flags) == 0
    lines = capsys.readouterr().out.splitlines()
    # Class 0: 24 of 48 hit; class 1 is found and never there; the others are nowhere.
    assert lines[1].split() == ["background", "0.5000", "0.5000"]
    assert lines[2].split() == ["aeroplane", "0.0000", "-"]
    assert lines[3].split() == ["bicycle", "-", "-"]
    assert [line.split() for line in lines[22:25]] == [
        ["mIoU", "0.2500"], ["mAcc", "0.5000"], ["aAcc", "0.5000"],
    ]  # fmt: skip
    assert lines[25].startswith("not in these pictures: aeroplane, bicycle, ")


def test_what_a_picture_fails_of_is_said(
    tmp_path: Path, label_in_order: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = np.zeros((4, 6), np.uint8)
    _write(tmp_path / "data", "odd", np.zeros((4, 6, 3), np.uint8), truth, "voc12")
    flags = ["--model", MODELS["voc12"], "--data", str(tmp_path / "data")]
    label_in_order([truth + np.uint8(21)])
    assert main(flags) == 1
    assert "odd: a label map holds a class past the last one, 20" in capsys.readouterr().err
    label_in_order([truth[:3]])
    assert main(flags) == 1
    assert "odd: label maps differ in shape: (4, 6) and (3, 6)" in capsys.readouterr().err
