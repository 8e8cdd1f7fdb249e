"""What a checkpoint says of itself, against the zoo; configs as mmengine and mmcv write them."""

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from export import load_model
from export.checkpoints.cache import cached_checkpoint, origin_record
from ocrnet.errors import CheckpointError, UnsupportedModel
from ocrnet.zoo import get_spec
from ocrnet.zoo.spec import Checkpoint, ModelSpec
from tests.small_models import one_block_a_branch

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
            dict(
                type='Normalize',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.120000000000005, 57.375],
                to_rgb={rgb})
        ])
]
"""


def _old(corners: bool = False, crop: str = "(512, 1024)", rgb: bool = True, **more: str) -> str:
    scale = more.get("scale", "(2048, 1024)")
    return OLD_CONFIG.format(corners=corners, crop=crop, rgb=rgb, scale=scale)


@pytest.fixture(scope="module", autouse=True)
def _small_network() -> Iterator[None]:
    with one_block_a_branch():
        yield


@pytest.fixture(scope="module")
def state(_small_network: None) -> dict[str, torch.Tensor]:
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
        {"config": "", "dataset_meta": None, "CLASSES": ()},
        {"cfg": "model = dict(data_preprocessor=dict(mean=f(), std=g(), bgr_to_rgb=h()))"},
    ],
    ids=["nothing", "as the zoo", "spelt otherwise", "not literal", "empty", "computed"],
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
            ["BGR", "mean: [0, 0, 0]", "std: [1.0, 1, 1]", "123.675"],
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
    assert "its config text cannot be read (it is not Python" in second


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


_DEEP = "\n".join(["a0 = [1]", *(f"a{n} = [{f'a{n - 1}, ' * 6}]" for n in range(1, 30))])
_MANY = "model = dict(decode_head=[" + "dict(align_corners=True)," * 9000 + "])"


@pytest.mark.parametrize("config", [_DEEP + "\ndata_preprocessor = dict(mean=a29)", _MANY])
def test_a_message_stays_short(saved: Callable[..., Path], config: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model(CITYSCAPES, saved({"cfg": config}))
    assert len(str(caught.value)) < 3_000


def test_colours_that_are_no_numbers_are_not_compared(saved: Callable[..., Path]) -> None:
    load_model(CITYSCAPES, saved({"PALETTE": [[torch.ones(2), 0, 0]] * 19}))
