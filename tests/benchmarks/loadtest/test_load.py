"""benchmarks/load.py as it is called: what it prints, writes and ends with."""

import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.load import main
from benchmarks.loadtest.client import Sample
from benchmarks.loadtest.latency_chart import draw, save
from benchmarks.loadtest.load_steps import Step
from benchmarks.loadtest.summary import summarise
from tests.benchmarks.loadtest.load_stub import Answer, always, serving
from tests.patience import patience

OKABE_ITO = {"#0072B2", "#D55E00", "#009E73", "#CC79A7"}


def _step(multiple: float, latency: float | None) -> Step:
    samples = [Sample("k", 0.1, None, None, None, "not_sent")]
    if latency is not None:
        samples.append(Sample("k", 0.1, 0.1, 0.1 + latency, 200, "ok"))
    return Step(multiple, samples, summarise(samples, 2, 30), None, None)


def _figure() -> Figure:
    return draw([_step(2, 3.0), _step(0.5, 0.2), _step(5, None)], 1.5, "A title\n" + "word " * 40)


def test_the_chart_has_its_words_its_colours_and_a_marker_for_each_line() -> None:
    figure = _figure()
    rates, latencies = figure.axes
    assert all(len(line) <= 90 for line in figure.get_suptitle().splitlines())
    assert figure.get_suptitle().startswith("A title\n")
    assert latencies.get_xlabel() == "offered load, as a multiple of capacity"
    assert latencies.get_yscale() == "log"
    assert [axes.get_ylabel() for axes in (rates, latencies)] == [
        "requests per second",
        "ms from the intended send time",
    ]

    def labels(axes: Axes) -> list[str]:
        legend = axes.get_legend()
        assert legend is not None
        return [text.get_text() for text in legend.get_texts()]

    assert labels(rates) == ["ideal goodput", "goodput", "refused (503)"]
    assert labels(latencies) == ["p99 of masks", "p95 of masks", "p50 of masks"]
    for axes, count in ((rates, 2), (latencies, 3)):
        lines = [line for line in axes.get_lines() if line.get_marker() != "None"]
        assert len({line.get_marker() for line in lines}) == len(lines) == count
        assert {str(line.get_color()) for line in lines} <= OKABE_ITO
        assert list(lines[0].get_xdata()) == [0.5, 2, 5], "by load, in whatever order they ran"


def test_nothing_in_the_chart_lies_over_another() -> None:
    figure = _figure()
    figure.draw_without_rendering()  # lays it out
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert not legend.get_window_extent().overlaps(axes.get_window_extent())
        for ticks in (axes.xaxis, axes.yaxis):
            boxes = [t.get_window_extent() for t in ticks.get_ticklabels() if t.get_visible()]
            seen = [box for box in boxes if box.width and box.height]
            for one, after in pairwise(seen):
                assert not one.overlaps(after)
    (title,) = figure.texts
    drawn, room = title.get_window_extent(), figure.bbox
    assert room.x0 <= drawn.x0 < drawn.x1 <= room.x1
    first, second = (axes.get_tightbbox() for axes in figure.axes)
    assert first is not None
    assert second is not None
    assert first.y0 >= second.y1


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_the_chart_s_file_is_what_its_name_says(tmp_path: Path, ending: str, start: bytes) -> None:
    path = tmp_path / f"load{ending}"
    save(_figure(), path)
    content = path.read_bytes()
    assert content.startswith(start)
    assert len(content) > 10_000


@pytest.mark.slow
def test_a_gateway_is_started_measured_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--json", str(tmp_path / "load.json"), "--chart", str(tmp_path / "load.svg")]
    load = ["--mix", "64x64:slide=3,64x96:whole=1", "--steps", "0.5,2", "--probe-seconds", "0.5"]
    bounds = ["--seconds", "1", "--max-requests-per-step", "40"]
    flags = ["--", "--threads", "1", "--max-requests", "2"]
    assert main([*load, *bounds, *files, "--note", "a test", *flags]) == 0
    printed = capsys.readouterr().out
    assert " of 2 clients in " in printed
    assert "masks equal the one made alone, 0 do not" in printed
    assert [line.split()[0] for line in printed.splitlines() if "×  " in line] == ["0.5×", "2×"]
    content = json.loads((tmp_path / "load.json").read_text(encoding="utf-8"))
    assert content["gateway"] == ["ocrnet", "serve", "--threads", "1", "--max-requests", "2"]
    assert content["note"] == "a test"
    assert content["machine"]["cores"] >= 1
    assert content["plan"]["mix"] == {"64x64:slide": 3, "64x96:whole": 1}
    assert [step["multiple"] for step in content["steps"]] == [0.5, 2]
    for step in content["steps"]:
        assert step["columns"] == ["kind", "intended", "sent", "done", "status", "code"]
        assert len(step["samples"]) == step["summary"]["requests"] <= 40
        assert set(step["summary"]["codes"]) <= {"ok", "overloaded"}
        assert step["summary"]["codes"]["ok"] > 0
        assert step["peak_bytes"] > 20_000_000
    assert (tmp_path / "load.svg").stat().st_size > 10_000


def test_a_wrong_mask_under_load_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fifth_is_wrong(number: int) -> Answer:
        return 200, b"wrong" if number == 5 else b"a mask"

    path = tmp_path / "load.json"
    with serving(fifth_is_wrong) as stub:
        load = ["--capacity", "20", "--steps", "1", "--seconds", "0.5", "--mix", "32x32:whole=1"]
        assert main(["--url", stub.url, *load, "--json", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "errors: 1 wrong_mask" in printed
    assert "9 masks equal the one made alone, 1 do not" in printed
    (step,) = json.loads(path.read_text(encoding="utf-8"))["steps"]
    assert step["summary"]["wrong"] == 1


@pytest.mark.slow
def test_what_was_finished_before_ctrl_c_is_printed_and_written(root: Path, tmp_path: Path) -> None:
    """In a process of its own: SIGINT is the whole process's, and here are other tests' threads."""
    started: list[subprocess.Popen[str]] = []

    async def interrupt(number: int) -> Answer:
        if number == 13:  # one alone, ten of the first step, and in the middle of the second
            started[0].send_signal(signal.SIGINT)
        return 200, b"a mask"

    path, chart = tmp_path / "load.json", tmp_path / "load.png"
    with serving(interrupt) as stub:
        command = [sys.executable, "-m", "benchmarks.load", "--url", stub.url, "--capacity", "20"]
        command += ["--steps", "1,2", "--seconds", "0.5", "--mix", "32x32:whole=1"]
        command += ["--json", str(path), "--chart", str(chart)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=root, stdout=pipe, stderr=pipe, text=True) as running:
            started.append(running)
            out, err = running.communicate(timeout=patience(6))
    assert running.returncode == 130, err
    assert "interrupted: what was finished is above" in err
    assert "10 masks equal the one made alone" in out
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [step["summary"]["requests"] for step in content["steps"]] == [10]
    assert chart.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_measured_is_status_1_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(always(200, b"a mask"), metrics=lambda: "up 1\n") as stub:
        assert main(["--url", stub.url]) == 1
    assert "no gateway of ours" in capsys.readouterr().err
    chart = tmp_path / "load.png"
    assert main(["--chart", str(chart), "--", "--models", "nope"]) == 1
    assert "the gateway did not start" in capsys.readouterr().err
    assert not chart.exists()
