"""Facts of configs of mmsegmentation 0.x and 1.x, wherever they stand in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from export.checkpoints.facts import CheckpointFacts
from ocrnet.zoo import get_spec

CITYSCAPES = get_spec("ocrnet_hr18s_cityscapes_40k")
NAMES = CITYSCAPES.labels.names
OTHERS = tuple(f"defect {index}" for index in range(19))

_SETS = "train_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=[dict(classes={})]))"


_OLD_SETS = "data = dict(train=[dict(type='RepeatDataset', dataset=dict(CLASSES={}))])"


@pytest.mark.parametrize("config", [_SETS, _OLD_SETS])
def test_classes_are_found_in_lists_and_wrappers(config: str) -> None:
    for names, whats in ((OTHERS, ["classes"]), (NAMES, [])):
        facts = CheckpointFacts({"config": config.format(list(names))})
        assert [difference.what for difference in facts.differences(CITYSCAPES)] == whats


@pytest.mark.parametrize(
    "meta",
    [
        {"CLASSES": set(OTHERS)},
        {"CLASSES": dict.fromkeys(OTHERS)},
        {"dataset_meta": {"classes": [object()] * 19}},
    ],
)
def test_class_names_that_cannot_be_read_are_told(meta: dict[str, Any]) -> None:
    (difference,) = CheckpointFacts(meta).differences(CITYSCAPES)
    assert difference.told
    assert "cannot be read" in str(difference)


def test_a_config_that_is_no_text_counts_too() -> None:
    assert not CheckpointFacts({"cfg": {"crop_size": (512, 1024)}}).differences(CITYSCAPES)
    (difference,) = CheckpointFacts({"cfg": {"crop_size": (64, 64)}}).differences(CITYSCAPES)
    assert difference.what == "crop (crop_size)"
    assert CheckpointFacts({"cfg": b"crop_size = 1"}).unreadable == "it is of type bytes"


_PREPROCESSOR = (
    "mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True, size=(512, 1024)"
)


@pytest.mark.parametrize(
    ("config", "whats"),
    [
        (f"dict({_PREPROCESSOR})", []),
        ("dict(size=(512, 1024))", ["mean", "std", "order of channels"]),
        (f"dict({_PREPROCESSOR.replace('True', 'False')})", ["order of channels"]),
        (f"dict({_PREPROCESSOR.replace('0.675', '0').replace('123', '0')})", ["mean"]),
        (f"dict({_PREPROCESSOR}, test_cfg=dict(size_divisor=32))", ["padding at test time"]),
    ],
)
def test_the_preprocessors_defaults_are_mmsegmentations(config: str, whats: list[str]) -> None:
    facts = CheckpointFacts({"cfg": f"model = dict(data_preprocessor={config})"})
    assert [difference.what for difference in facts.differences(CITYSCAPES)] == whats


def test_what_the_pipeline_normalises_with_goes_before_a_shared_variable() -> None:
    stale = "img_norm_cfg = dict(mean=[0, 0, 0], std=[1, 1, 1])\n"
    true = "dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])"
    for place in ("test_pipeline = [{}]", "data = dict(test=dict(pipeline=[{}]))"):
        facts = CheckpointFacts({"config": stale + place.format(true)})
        assert not facts.differences(CITYSCAPES)
        other = true.replace("123.675", "0")
        facts = CheckpointFacts({"config": place.format(other)})
        assert [difference.what for difference in facts.differences(CITYSCAPES)] == ["mean"]


def test_a_crop_may_stand_in_a_data_sets_pipeline_alone() -> None:
    step = "dict(type='mmseg.datasets.transforms.RandomCrop', crop_size=(769, 769))"
    config = f"train_dataloader = dict(dataset=dict(pipeline=[{step}]))"
    (difference,) = CheckpointFacts({"cfg": config}).differences(CITYSCAPES)
    assert "769x769" in str(difference)


def test_layers_have_facts_that_no_shape_shows() -> None:
    config = (
        "model = dict(backbone=dict(norm_cfg=dict(type='BN', eps=0.001)), decode_head=dict("
        "act_cfg=dict(type='LeakyReLU'), in_index=(3, 2, 1, 0), norm_cfg=dict(type='BN')))"
    )
    found = CheckpointFacts({"cfg": config}).differences(CITYSCAPES)
    whats = {"backbone.norm_cfg.eps", "decode_head[0].in_index", "decode_head[0].act_cfg.type"}
    assert {difference.what for difference in found} == whats


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
    as_published = (
        "dict(type='ResNetV1c', dilations=(1, 1, 2, 4), strides=(1, 2, 1, 1), style='pytorch', "
        "contract_dilation=True)"
    )
    defaults = "dict(type='ResNetV1c', depth=101)"
    other = "dict(type='ResNetV1c', dilations=(1, 1, 1, 2), strides=(1, 2, 2, 1), style='caffe')"
    three = ("strides", "dilations", "contract_dilation")
    for backbone, expected in (
        (as_published, set()),
        (other, {f"backbone.{name}" for name in (*three, "style")}),
        (defaults, {f"backbone.{name}" for name in three}),
    ):
        facts = CheckpointFacts({"config": f"model = dict(backbone={backbone})"})
        assert {difference.what for difference in facts.differences(spec)} == expected


def test_names_of_ade20k_end_in_blanks() -> None:
    spec = get_spec("ocrnet_hr18s_ade20k_80k")
    names = [name + (" " if name == "bed" else "") for name in spec.labels.names]
    assert not CheckpointFacts({"CLASSES": names}).differences(spec)


def test_numbers_that_python_does_not_print_are_no_settings() -> None:
    huge = "0x" + "f" * 9000
    config = f"crop_size = ({huge}, 1)\nimg_norm_cfg = dict(mean=[{huge}], std=[{huge}])"
    assert not CheckpointFacts({"cfg": config}).differences(CITYSCAPES)
