"""The chart is legible: no label over another or over a point, nothing cut off."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from benchmarks.speed.fps_chart import draw_chart, save_chart
from benchmarks.speed.fps_results import FpsRun
from ocrnet.zoo import load_zoo

MadeUp = Callable[..., dict[str, Any]]


def test_every_model_has_a_label_and_none_lies_over_another(made_up: MadeUp) -> None:
    figure = draw_chart(FpsRun.from_json(made_up()))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    labels = 0
    for panel in figure.axes:
        notes = [one for one in panel.get_children() if isinstance(one, Annotation)]
        # The text alone: an annotation's own extent has its line, too.
        boxes = [super(Annotation, note).get_window_extent(renderer) for note in notes]
        labels += len(boxes)
        assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
        inside = panel.get_window_extent(renderer)
        for box in boxes:
            assert inside.x0 < box.x0
            assert box.x1 < inside.x1
        for points in panel.collections:
            places = panel.transData.transform(points.get_offsets())
            assert not any(box.contains(x, y) for box in boxes for x, y in places)
    published = [spec for spec in load_zoo().values() if spec.published.miou is not None]
    without = [spec for spec in published if spec.architecture == "hr48_voc12"]
    assert labels == len(published) - len(without)
    whole = figure.bbox
    (legend,) = figure.legends
    box = legend.get_window_extent(renderer)
    assert whole.x0 <= box.x0
    assert box.x1 <= whole.x1


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_it_is_written_as_the_name_says(made_up: MadeUp, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"chart.{ending}"
    save_chart(FpsRun.from_json(made_up()), path)
    start = path.read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if ending == "png" else b"<?xml" in start
