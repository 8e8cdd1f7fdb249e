"""What a checkpoint says of itself, against the zoo; configs as mmengine and mmcv write them."""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from export import load_model
from export.checkpoint_cache import cached_checkpoint, origin_record
from export.checkpoint_facts import CheckpointFacts
from export.config_text import parse_config
from ocrnet.errors import CheckpointError, UnsupportedModel
from ocrnet.zoo import get_spec
from ocrnet.zoo.spec import Checkpoint, ModelSpec

CITYSCAPES = get_spec("ocrnet_hr18s_cityscapes_40k")
NAMES = CITYSCAPES.labels.names
OTHERS = tuple(f"defect {index}" for index in range(19))

# As mmcv 1.x dumps it (`Config.pretty_text`).
OLD_CONFIG = """\
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='CascadeEncoderDecoder',
    num_stages=2,
    backbone=dict(type='HRNet', norm_eval=False),
    decode_head=[
        dict(type='FCNHead', num_classes=19, align_corners={corners}),
        dict(type='OCRHead', num_classes=19, align_corners={corners})
    ],
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
dataset_type = 'CityscapesDataset'
img_norm_cfg = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb={rgb})
crop_size = {crop}
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale={scale},
        flip=False,
        transforms=[
            dict(type='Resize', keep_ratio=True),
            dict(type='Normalize', mean=[123.675, 116.28, 103.53], to_rgb={rgb})
        ])
]
"""


def _old(corners: bool = False, crop: str = "(512, 1024)", rgb: bool = True, **more: str) -> str:
    scale = more.get("scale", "(2048, 1024)")
    return OLD_CONFIG.format(corners=corners, crop=crop, rgb=rgb, scale=scale)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return load_model(CITYSCAPES, "stand-in").state_dict()


@pytest.fixture
def saved(tmp_path: Path, state: dict[str, torch.Tensor]) -> Callable[..., Path]:
    def save(meta: dict[str, Any]) -> Path:
        torch.save({"meta": meta, "state_dict": state}, tmp_path / "mine.pth")
        return tmp_path / "mine.pth"

    return save


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"CLASSES": NAMES, "PALETTE": CITYSCAPES.labels.colours.tolist(), "config": _old()},
        {"dataset_meta": {"classes": tuple(name.upper() + " " for name in NAMES)}},
        {"CLASSES": None, "config": "import os\nos.abort()\ncrop_size = compute()\n"},
        {"config": 5, "dataset_meta": None},
    ],
    ids=["nothing", "as the zoo", "spelt otherwise", "not literal", "of other types"],
)
def test_a_file_that_says_the_same_loads_without_a_word(
    saved: Callable[..., Path], meta: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    load_model(CITYSCAPES, saved(meta))
    assert not caplog.records


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        (
            {"CLASSES": OTHERS},
            ["19 classes (0 'defect 0', 1", "19 classes (0 'road', 1 'sidewalk'"],
        ),
        ({"dataset_meta": {"classes": OTHERS}}, ["'defect 0'", "'road'"]),
        ({"dataset_meta": {"CLASSES": NAMES[::-1]}}, ["0 'bicycle'", "0 'road'"]),
        ({"CLASSES": ["soil", "crop"]}, ["2 classes (0 'soil', 1 'crop')", "19 classes (0 'road'"]),
        (
            {"config": _old(corners=True)},
            ["decode_head[1].align_corners: True", "False in the zoo"],
        ),
        ({"cfg": _old(crop="(769, 769)")}, ["crop (crop_size): 769x769", "512x1024 in the zoo"]),
        ({"cfg": "model = dict(test_cfg=dict(crop_size=129))"}, ["129x129", "512x1024"]),
        ({"config": _old(rgb=False)}, ["BGR (to_rgb=False)", "RGB in the zoo"]),
        (
            {"cfg": "model = dict(data_preprocessor=dict(mean=[0, 0, 0], std=[1.0, 1, 1]))"},
            ["mean: [0, 0, 0]", "std: [1.0, 1, 1]", "123.675"],
        ),
        (
            {"cfg": "test_dataloader = dict(dataset=dict(metainfo=dict(classes=('a', 'b'))))"},
            ["2 classes", "'road'"],
        ),
        ({"config": "data = dict(test=dict(type='X', classes=['a']))"}, ["1 classes (0 'a')"]),
    ],
)
def test_a_local_file_that_differs_is_refused_with_both_sides(
    saved: Callable[..., Path], meta: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model(CITYSCAPES, saved(meta))
    for text in ("mine.pth", CITYSCAPES.name, *said):
        assert text in str(caught.value)


def test_what_leaves_the_labels_as_they_are_is_told(
    saved: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    palette = CITYSCAPES.labels.colours.tolist()
    palette[3] = [1, 2, 3]
    meta = {"PALETTE": palette, "config": _old(scale="(1024, 512)")}
    load_model(CITYSCAPES, saved(meta))
    load_model(CITYSCAPES, saved({"config": "model = dict("}))
    first, second = (record.getMessage() for record in caplog.records)
    assert "colour of class 3: [1, 2, 3] in the file, [102, 102, 156] in the zoo" in first
    assert "1024x512 in the file, 2048x1024 in the zoo" in first
    assert "config text: it is not Python" in second


@pytest.mark.parametrize("how", ["by its digits", "pulled"])
def test_the_published_file_is_warned_about_and_never_refused(
    saved: Callable[..., Path],
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = saved({"CLASSES": OTHERS})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    digits = digest[:8] if how == "by its digits" else "00000000"
    spec = dataclasses.replace(
        CITYSCAPES, checkpoint=Checkpoint("https://example.com/a.pth", digits)
    )
    record = origin_record(cached_checkpoint(spec))
    record.parent.mkdir(parents=True)
    if how == "pulled":
        with pytest.raises(CheckpointError):  # before `pull` says where it came from
            load_model(spec, path)
        record.write_text(f"{digest} {spec.checkpoint.url}\n")
    with caplog.at_level(logging.WARNING):
        load_model(spec, path)
    assert "'defect 0'" in caplog.text


def test_the_words_of_mmsegmentations_own_file(golden: Path) -> None:
    """An HRNet-W32 on seven classes: every fact that differs from a row of the zoo is found."""
    facts = json.loads((golden / "own_hr32_7.json").read_text())
    found = CheckpointFacts({"cfg": facts["cfg"], "dataset_meta": facts["dataset_meta"]})
    whats = {difference.what for difference in found.differences(CITYSCAPES)}
    assert whats == {
        "classes", "decode_head[0].align_corners", "decode_head[1].align_corners", "mean", "std",
        "crop (crop_size)", "resize of the test pipeline",
    }  # fmt: skip


def test_dilations_leave_no_trace_in_the_weights() -> None:
    spec = get_spec("ocrnet_r101-d8_cityscapes_40k_b8")
    as_published = "dict(type='ResNetV1c', dilations=(1, 1, 2, 4), strides=(1, 2, 1, 1))"
    other = "dict(type='ResNetV1c', dilations=(1, 1, 1, 2), strides=(1, 2, 2, 1), style='caffe')"
    for backbone, expected in (
        (as_published, set()),
        (other, {"backbone.dilations", "backbone.strides", "backbone.style"}),
    ):
        facts = CheckpointFacts({"config": f"model = dict(backbone={backbone})"})
        assert {difference.what for difference in facts.differences(spec)} == expected


def test_names_of_ade20k_end_in_blanks() -> None:
    spec = get_spec("ocrnet_hr18s_ade20k_80k")
    names = [name + (" " if name == "bed" else "") for name in spec.labels.names]
    assert not CheckpointFacts({"CLASSES": names}).differences(spec)


def _own_spec() -> ModelSpec:
    return dataclasses.replace(CITYSCAPES, name="own")


_BINARY = "model = dict(decode_head=dict(type='OCRHead', num_classes=2, out_channels=1))"


@pytest.mark.parametrize("meta", [{"cfg": _BINARY}, {}], ids=["by its config", "by its shape"])
def test_one_output_channel_is_refused_by_name(
    tmp_path: Path, state: dict[str, torch.Tensor], meta: dict[str, Any]
) -> None:
    cut = {
        name: value[:1] if ".conv_seg." in name and not meta else value
        for name, value in state.items()
    }
    torch.save({"meta": meta, "state_dict": cut}, tmp_path / "binary.pth")
    with pytest.raises(UnsupportedModel, match=r"binary\.pth has one output channel"):
        load_model(_own_spec(), tmp_path / "binary.pth")


def test_a_config_is_data() -> None:
    text = (
        "a = -1.5\nb = dict(x=(a, [True, None]), y=f(1), **a)\nc = {'k': 'v', 3: 4, 'b': b}\n"
        "d = open('/etc/passwd')\nb.x = 5\nimport os\ne, f = 1, 2\ng = h = 'two'\n"
    )
    b = {"x": [-1.5, [True, None]]}
    assert parse_config(text) == {
        "a": -1.5,
        "b": b,
        "c": {"k": "v", "b": b},
        "g": "two",
        "h": "two",
    }


@pytest.mark.parametrize(
    "text", ["(" * 300_000, "-" * 300_000 + "1", "[" * 90 + "]" * 90, "x = '\0'", "a" * 2**21]
)
def test_a_hostile_config_text_ends_quickly(text: str) -> None:
    with suppress(ValueError):
        assert parse_config(text) == {}


def test_doubling_names_are_not_printed(saved: Callable[..., Path]) -> None:
    lines = ["a0 = [1, 1]", *(f"a{n} = [a{n - 1}, a{n - 1}]" for n in range(1, 60))]
    config = "\n".join([*lines, "data_preprocessor = dict(mean=a59)"])
    with pytest.raises(CheckpointError) as caught:
        load_model(CITYSCAPES, saved({"cfg": config}))
    assert len(str(caught.value)) < 5_000
