from pathlib import Path

import pytest

from export.artefacts.folder import rewriting


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_artefact_joins_those_that_are_there(tmp_path: Path) -> None:
    folder = tmp_path / "demo_window" / "1"
    for name in ("model.onnx", "model.xml"):
        with rewriting(folder, name) as partial:
            (partial / name).write_text(name)
    assert _names(folder) == ["model.onnx", "model.xml"]
    assert _names(folder.parent) == ["1"]


def test_an_artefact_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "demo_window" / "1"
    with rewriting(folder, "model.onnx") as partial:
        (partial / "model.onnx").write_text("old")

    def fail() -> None:
        with rewriting(folder, "model.onnx") as partial:
            (partial / "model.onnx").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (folder / "model.onnx").read_text() == "old"
    assert _names(folder.parent) == ["1"]


def test_files_of_the_artefact_before_go_with_it(tmp_path: Path) -> None:
    """A build that failed half-way through its files must not pass for a whole one."""
    folder = tmp_path / "demo_window" / "1"
    with rewriting(folder, "model.xml") as partial:
        for name in ("model.xml", "model.bin", "model.xml.manifest.json", "model.onnx"):
            (partial / name).write_text("old")
    with rewriting(folder, "model.xml") as partial:
        assert _names(partial) == ["model.onnx"]
        (partial / "model.xml").write_text("new")
    assert _names(folder) == ["model.onnx", "model.xml"]


def test_what_is_written_anew_leaves_the_old_files_alone(tmp_path: Path) -> None:
    """The others are links; writing through one would change a plan's summary before its plan."""
    folder = tmp_path / "demo_window" / "1"
    names = ("model_sm80.plan", "model_sm80.layers.json", "model.onnx")
    with rewriting(folder, "model_sm80.plan") as partial:
        for name in names:
            (partial / name).write_text("old")
    with rewriting(folder, "model_sm80.plan") as partial:
        for name in names[:2]:
            (partial / name).write_text("new")
        assert [(folder / name).read_text() for name in names] == ["old"] * 3
    assert [(folder / name).read_text() for name in names] == ["new", "new", "old"]


def test_what_a_crash_left_is_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "demo_window" / "1"
    old, partial = folder.with_name("1.old"), folder.with_name("1.partial")
    for left in (old, partial):
        left.mkdir(parents=True)
        (left / "model.onnx").write_text(left.name)
    with rewriting(folder, "model.xml") as new:
        (new / "model.xml").write_text("new")
    assert (folder / "model.onnx").read_text() == "1.old"  # stopped between the two renames
    assert _names(folder.parent) == ["1"]
