"""Which checkpoint a model is built from where none is named."""

import dataclasses
from pathlib import Path

import pytest

from export.checkpoints.download import pull
from export.commands.requirements import checkpoint_of
from ocrnet.cli import main
from ocrnet.errors import DownloadError, OcrnetError
from ocrnet.zoo import get_spec, load_zoo
from ocrnet.zoo.spec import Checkpoint, ModelSpec


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """A model that somebody has added to the zoo; its weights are published nowhere."""
    spec = dataclasses.replace(get_spec("demo"), name="own", checkpoint=Checkpoint("", ""))
    monkeypatch.setitem(load_zoo(), "own", spec)
    return spec


def test_a_model_without_a_url_asks_for_its_checkpoint(own: ModelSpec) -> None:
    with pytest.raises(OcrnetError, match="own has no published checkpoint"):
        checkpoint_of(own)
    with pytest.raises(DownloadError, match="own has no published checkpoint"):
        pull(own)


@pytest.mark.parametrize("command", [["build", "own"], ["verify", "own"], ["build", "--all"]])
def test_no_command_takes_the_demos_weights_for_it(
    own: ModelSpec, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *command, "--repository", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "--checkpoint" in said
    assert not list(tmp_path.iterdir())


def test_the_demo_has_its_own(root: Path) -> None:
    assert Path(checkpoint_of(get_spec("demo"))) == root / "export" / "weights" / "demo.safetensors"
    with pytest.raises(DownloadError, match="demo needs no download"):
        pull(get_spec("demo"))
