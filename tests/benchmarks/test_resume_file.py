"""What a run goes on from: written whole, and compared name by name."""

import json
from pathlib import Path

import pytest

from benchmarks.lib.resume import Difference, ResumeFile


def test_what_differs_is_named_as_deep_as_it_lies(tmp_path: Path) -> None:
    now = {"machine": {"cpu": "a", "cores": 2}, "settings": {"scales": (0.5, 1.0), "more": {}}}
    file = ResumeFile(tmp_path / "run.json", now)
    assert file.differences(json.loads(json.dumps(now))) == []
    stored = {"machine": {"cpu": "b", "cores": 2}, "settings": {"scales": [1.0]}}
    assert file.differences(stored) == [
        Difference("machine.cpu", "b", "a"),
        Difference("settings.scales", [1.0], [0.5, 1.0]),
        Difference("settings.more", None, {}),
    ]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = ResumeFile(tmp_path / "new" / "run.json", {})
    assert not file.exists()
    file.write({"done": 1})
    with pytest.raises(TypeError):
        file.write({"done": object()})
    assert file.read() == {"done": 1}
    assert [path.name for path in file.path.parent.iterdir()] == ["run.json"]
    file.remove()
    file.remove()
    assert not file.exists()
