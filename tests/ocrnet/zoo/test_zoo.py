import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from ocrnet.engines.contract import checked_logits
from ocrnet.errors import UnknownModel, UnsupportedModel
from ocrnet.zoo import Size, get_spec, load_labels, load_zoo
from ocrnet.zoo.spec import BACKBONES, DATASETS, VARIANTS

_BACKBONE_NAMES = {
    "hr18s": "HRNetV2p-W18-Small",
    "hr18": "HRNetV2p-W18",
    "hr48": "HRNetV2p-W48",
    "r101-d8": "R-101-D8",
}


def test_has_the_published_rows_the_authors_model_and_the_demo() -> None:
    assert len(load_zoo()) == 26
    assert {"demo", "ocrnet_hr48_cityscapes_authors"} < load_zoo().keys()


def test_every_published_row_has_the_same_figures(golden: Path) -> None:
    text = (golden / "published_rows.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 24
    for row in rows:
        spec = get_spec(row["name"])
        figures = spec.published

        def number(key: str, row: dict[str, str] = row) -> float | None:
            return float(row[key]) if row[key] else None

        assert figures.fps == number("published_fps")
        assert figures.device == row["published_device"]
        assert figures.miou == number("published_miou")
        assert figures.miou_ms_flip == number("published_miou_ms_flip")
        assert figures.iterations == int(row["lr_schedule"])
        assert str(spec.crop) == row["crop_size"]
        assert _BACKBONE_NAMES[spec.backbone] == row["backbone"]
        assert row["dataset"].startswith(DATASETS[spec.dataset])
        assert spec.checkpoint.url == row["checkpoint_url"]
        assert spec.checkpoint.file_name.endswith(f"-{spec.checkpoint.digits}.pth")


def test_every_table_is_consistent() -> None:
    aliases: list[str] = []
    for spec in load_zoo().values():
        assert spec.backbone in BACKBONES
        assert spec.dataset in DATASETS
        assert spec.variant in VARIANTS
        assert spec.output_stride == (8 if spec.backbone == "r101-d8" else 4)
        assert spec.align_corners == (spec.variant == "authors")
        assert spec.mean == (123.675, 116.28, 103.53)
        assert spec.std == (58.395, 57.12, 57.375)
        long_short = (spec.test_resize.long, spec.test_resize.short)
        assert long_short == ((2048, 1024) if spec.dataset == "cityscapes" else (2048, 512))
        if spec.checkpoint.url:
            assert spec.checkpoint.file_name.removesuffix(".pth") in spec.aliases
        aliases += spec.aliases
    assert len(aliases) == len(set(aliases))
    assert not set(aliases) & load_zoo().keys()


def test_default_strides_are_two_thirds_on_the_output_grid() -> None:
    assert get_spec("demo").stride == Size(336, 680)
    assert get_spec("ocrnet_hr18s_ade20k_80k").stride == Size(336, 336)


@pytest.mark.parametrize(
    ("dataset", "classes"), [("cityscapes", 19), ("ade20k", 150), ("voc12", 21)]
)
def test_labels_are_complete(dataset: str, classes: int) -> None:
    labels = load_labels(dataset)
    assert len(labels.names) == len(set(labels.names)) == classes
    assert labels.colours.shape == (classes, 3)
    assert all(name == name.strip() for name in labels.names)
    # ADE20K's published palette gives two classes the same colour; indices tell them apart.
    distinct = len(np.unique(labels.colours, axis=0))
    assert distinct == (149 if dataset == "ade20k" else classes)


@pytest.mark.parametrize(
    "alias",
    [
        "ocrnet_hr18_4xb2-40k_cityscapes-512x1024",
        "ocrnet_hr18_4xb2-40k_cityscapes-512x1024.py",
        "ocrnet_hr18_512x1024_40k_cityscapes",
        "ocrnet_hr18_512x1024_40k_cityscapes_20200601_033320-401c5bdd.pth",
    ],
)
def test_config_and_checkpoint_names_are_aliases(alias: str) -> None:
    assert get_spec(alias).name == "ocrnet_hr18_cityscapes_40k"


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownModel, match="ocrnet_hr48_ade20k_80k"):
        get_spec("ocrnet_hr48_ade20k")


def test_one_class_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argmax over one channel would call every pixel class 0, with full confidence."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "cracks.csv").write_text("index,name,r,g,b\n0,crack,255,0,0\n")
    monkeypatch.setattr("ocrnet.zoo.spec.files", lambda _: tmp_path)
    with pytest.raises(UnsupportedModel, match=r"labels/cracks\.csv has one output channel"):
        load_labels("cracks")
    with pytest.raises(UnsupportedModel, match="one output channel"):
        checked_logits(np.zeros((1, 1, 2, 2)), 1, 4, np.zeros((1, 8, 8, 3), np.uint8))


def test_what_comes_with_the_project_is_what_its_table_names(root: Path) -> None:
    shipped = [spec.checkpoint for spec in load_zoo().values() if spec.checkpoint.shipped]
    assert len(shipped) == 1
    for checkpoint in shipped:
        weights = (root / "export" / "weights" / checkpoint.shipped).read_bytes()
        assert hashlib.sha256(weights).hexdigest().startswith(checkpoint.digits)
        assert len(checkpoint.digits) == 8
