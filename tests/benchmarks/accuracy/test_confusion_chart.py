from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy.confusion_chart import confusion_figure, draw_confusion
from ocrnet.zoo import load_labels


@pytest.mark.parametrize(
    "dataset", ["cityscapes", "voc12", pytest.param("ade20k", marks=pytest.mark.slow)]
)
def test_no_text_is_cut_off_or_runs_into_another(dataset: str) -> None:
    names = load_labels(dataset).names
    counts = np.full((len(names), len(names)), 10)
    counts[2] = 0  # so that the legend of the grey rows is there too
    title = f"ocrnet_hr48_{dataset}_160k, 2000 pictures of Pascal VOC 2012 trainval: mIoU 0.8123"
    figure = confusion_figure(counts, names, title)
    figure.draw_without_rendering()
    texts = [
        text
        for axes in figure.axes
        for text in (
            *(tick.label1 for tick in axes.xaxis.get_major_ticks()),
            *(tick.label1 for tick in axes.yaxis.get_major_ticks()),
            *(tick.label2 for tick in axes.xaxis.get_major_ticks()),
            *(tick.label2 for tick in axes.yaxis.get_major_ticks()),
            axes.title, axes.xaxis.label, axes.yaxis.label,
        )
        if text.get_text() and text.get_visible()
    ]  # fmt: skip
    assert len(texts) >= 2 * len(names)
    assert {text.get_fontfamily()[0] for text in texts} == {"DejaVu Sans"}
    boxes = [text.get_window_extent() for text in texts]
    width, height = figure.bbox.size
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
        assert inside, text.get_text()
    for one, other in combinations(range(len(boxes)), 2):
        assert not boxes[one].overlaps(boxes[other]), (texts[one], texts[other])


def test_cells_say_what_share_of_the_true_class_they_have() -> None:
    counts = np.array([[75, 24, 1, 0], [0, 0, 0, 0], [1, 0, 998, 1], [0, 0, 0, 5]])
    axes, _ = confusion_figure(counts, ("a", "b", "c", "d"), "title").axes
    said = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    assert said == {(0, 0): "75", (0, 1): "24", (0, 2): "1", (2, 2): "100", (3, 3): "100"}
    shares = axes.images[0].get_array()
    assert shares is not None
    np.testing.assert_allclose(shares[0], [0.75, 0.24, 0.01, 0])
    assert np.ma.getmaskarray(shares)[1].all()
    assert axes.get_ylabel() == "true class; grey: not in these pictures"
    axes, _ = confusion_figure(counts[2:, 2:], ("c", "d"), "title").axes
    assert axes.get_ylabel() == "true class"


def test_many_classes_have_no_numbers_in_their_cells() -> None:
    names = tuple(f"class {number}" for number in range(22))
    assert len(confusion_figure(np.eye(22, dtype=np.int64), names, "title").axes[0].texts) == 0
    figure = confusion_figure(np.eye(21, dtype=np.int64), names[:21], "title")
    assert len(figure.axes[0].texts) == 21


def test_writes_both_kinds_of_file(tmp_path: Path) -> None:
    counts, names = np.array([[3, 1], [0, 2]]), ("a & b", "c")
    draw_confusion(counts, names, "a < b", tmp_path / "new" / "matrix.png")
    with Image.open(tmp_path / "new" / "matrix.png") as picture:
        assert picture.format == "PNG"
        colours = picture.convert("RGB").getcolors(2**24)
    assert colours is not None
    assert len(colours) > 50
    files = [tmp_path / f"{number}.svg" for number in range(2)]
    for file in files:
        draw_confusion(counts, names, "a < b", file)
    assert ElementTree.parse(files[0]).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert files[0].read_bytes() == files[1].read_bytes()
