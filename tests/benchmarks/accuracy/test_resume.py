import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.state import StateFile, start
from benchmarks.miou import main
from ocrnet.errors import InputError

SCENES = ["--scenes", "13", "--seed", "3", "--height", "32", "--width", "64"]


def _figures(flags: list[str], path: Path) -> dict:
    assert main([*flags, "--json", str(path)]) == 0
    figures: dict = json.loads(path.read_text())
    return figures


def test_an_interrupted_run_goes_on_to_the_same_figures(
    tmp_path: Path, label_by: Callable, by_colour: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = label_by(by_colour)
    expected = _figures(SCENES, tmp_path / "whole.json")
    assert whole.labelled == 13
    state = tmp_path / "new" / "state.json"
    predictions = tmp_path / "predictions"
    flags = [*SCENES, "--state", str(state), "--predictions", str(predictions)]
    for most, done in ((0, 0), (7, 7), (2, 9)):
        broken = label_by(by_colour, most)
        assert main(flags) == 130
        assert f"goes on from {state}" in capsys.readouterr().err
        assert broken.closed
        assert json.loads(state.read_text())["done"] == done
        assert len(list(predictions.glob("*.png"))) == done
    last = label_by(by_colour)
    assert _figures(flags, tmp_path / "resumed.json") == expected
    assert last.labelled == 4
    assert len(list(predictions.glob("*.png"))) == 13
    assert list(state.parent.iterdir()) == [], "a run that is over leaves no state"


def test_the_state_is_written_while_the_run_goes_on(
    tmp_path: Path, label_by: Callable, by_colour: Callable
) -> None:
    """What kills a run without a word costs a few pictures, not all."""
    state = tmp_path / "state.json"
    seen = []

    def label(image: np.ndarray) -> np.ndarray:
        seen.append(json.loads(state.read_text())["done"] if state.exists() else None)
        labels: np.ndarray = by_colour(image)
        return labels

    label_by(label)
    assert main([*SCENES, "--state", str(state)]) == 0
    assert seen == [None] * 5 + [5] * 5 + [10] * 3


def test_what_was_counted_is_kept_when_the_figures_cannot_be_written(
    tmp_path: Path, label_by: Callable, by_colour: Callable
) -> None:
    state = tmp_path / "state.json"
    label_by(by_colour)
    flags = [*SCENES, "--state", str(state)]
    assert main([*flags, "--json", str(tmp_path)]) == 1  # a folder
    again = label_by(by_colour)
    assert main([*flags, "--json", str(tmp_path / "out.json")]) == 0
    assert again.labelled == 0
    assert not state.exists()


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--mode", "slide"], "settings.mode was 'whole', now 'slide'"),
        (["--scales", "1.0,1.25"], r"settings.scales was \[1.0\], now \[1.0, 1.25\]"),
        (["--seed", "4"], "data.seed was 3, now 4"),
        (["--scenes", "14"], "data.count was 13, now 14"),
        (["--width", "65"], "data.size was '32x64', now '32x65'"),
        (["--model", "ocrnet_hr18s_cityscapes_40k"], "model was 'demo', now"),
        (["--predictions", "to"], "predictions was None, now '.*to'"),
    ],
)
def test_the_state_of_another_run_is_refused(
    flags: list[str],
    named: str,
    tmp_path: Path,
    label_by: Callable,
    by_colour: Callable,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = tmp_path / "state.json"
    label_by(by_colour, most=1)
    assert main([*SCENES, "--state", str(state)]) == 130
    before = state.read_bytes()
    capsys.readouterr()
    label_by(by_colour)
    with pytest.raises(SystemExit) as ended:
        main([*SCENES, *flags, "--state", str(state)])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "is the state of another run" in error
    assert "Remove it, or name another file" in error
    assert re.search(named, error)
    assert state.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"null", b"[1, 2]", b'{"miou": 0.5}'])
def test_another_file_is_no_state(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"photo\.png is no state of this command"):
        StateFile(path, {"a": 1}, classes=2, pictures=4).load()
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "odd",
    [
        {"run": None},
        {"done": -1},
        {"done": 5},
        {"done": "all"},
        {"confusion": None},
        {"confusion": [[0]]},
        {"confusion": [[0, 0], [0]]},
        {"confusion": [[0, 0], [0, 0.5]]},
    ],
)
def test_a_damaged_state_is_no_state(odd: dict, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state = StateFile(path, {"a": 1}, classes=2, pictures=4)
    state.save(start(2))
    path.write_text(json.dumps(json.loads(path.read_text()) | odd))
    with pytest.raises(InputError, match="is no state of this command"):
        state.load()


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state.json", {"scales": (0.5, 1.0)}, classes=2, pictures=4)
    assert state.load().done == 0
    progress = start(2).plus(np.array([[2**40, 1], [0, 3]])).plus(np.array([[1, 0], [0, 0]]))
    state.save(progress)
    found = state.load()
    assert found.done == 2
    assert found.counts.dtype == np.int64
    np.testing.assert_array_equal(found.counts, [[2**40 + 1, 1], [0, 3]])
    state.remove()
    state.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_as_earlier_runs_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    stored = (
        '{"format": "ocrnet miou state 1", "run": {"model": "demo", "scales": [0.5, 1.0]}, '
        '"done": 2, "confusion": [[3, 0], [1, 4]]}\n'
    )
    path.write_text(stored)
    state = StateFile(path, {"model": "demo", "scales": (0.5, 1.0)}, classes=2, pictures=4)
    progress = state.load()
    assert progress.done == 2
    state.save(progress)
    assert path.read_text() == stored
