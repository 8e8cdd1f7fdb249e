"""What `ocrnet export build` makes where nothing says what, and what it says beforehand."""

import importlib.util
from pathlib import Path

import pytest

from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.commands import build_steps
from export.commands.build_steps import Step, default_steps, estimate
from export.graphs.source import Source
from ocrnet.artefacts import Kind, Manifest
from ocrnet.cli import main
from ocrnet.errors import ArtefactError
from ocrnet.zoo import get_spec
from tests.small_models import small_spec

ONNX, INT8 = "onnx float32", "openvino int8"
ALL_ONNX = [f"dynamic {ONNX}", f"window {ONNX}", f"whole {ONNX}"]
SPEC = get_spec("ocrnet_hr48_cityscapes_160k")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been built, of the demo with small windows."""
    built = []

    def build(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> Manifest:
        built.append(f"{kind} {target}")
        return Manifest(
            "demo", kind, target.format, target.precision, target.file, {}, None, None,
            ["logits"], 19, "x.pth", "", {}, {},
        )  # fmt: skip

    monkeypatch.setattr("export.commands.build.get_spec", lambda name: small_spec("demo"))
    monkeypatch.setattr("export.commands.build_steps.build_artefact", build)
    return built


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], [*ALL_ONNX, f"window {INT8}"]),
        (["--checkpoint", "stand-in"], ALL_ONNX),
        (["--to", "onnx"], ALL_ONNX),
        (["--kinds", "window"], [f"window {ONNX}"]),
        (["--kinds", "dynamic", "whole"], [f"dynamic {ONNX}", f"whole {ONNX}"]),
        (["--to", "int8"], [f"{kind} {INT8}" for kind in ("dynamic", "window", "whole")]),
        (["--to", "onnx", "int8", "--kinds", "window"], [f"window {ONNX}", f"window {INT8}"]),
        (["--to", "int8", "--checkpoint", "stand-in", "--kinds", "window"], [f"window {INT8}"]),
    ],
)
def test_what_is_built(
    built: list[str], tmp_path: Path, flags: list[str], expected: list[str]
) -> None:
    assert main(["export", "build", "demo", *flags, "--repository", str(tmp_path)]) == 0
    assert built == expected


def test_int8_that_fails_by_default_costs_no_other_graph(
    built: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usual = build_steps.build_artefact

    def build(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> Manifest:
        if target.precision == "int8":
            raise ArtefactError("it costs too much")
        return usual(source, kind, target, settings)

    monkeypatch.setattr("export.commands.build_steps.build_artefact", build)
    command = ["export", "build", "demo", "demo", "--repository", str(tmp_path)]
    assert main(command) == 1
    assert built == [*ALL_ONNX, *ALL_ONNX]
    assert "not built, the others are of use without it: it costs too much" in (
        capsys.readouterr().out
    )
    assert main([*command, "--to", "int8"]) == 1  # asked for, so it ends there
    assert built == [*ALL_ONNX, *ALL_ONNX]


def test_how_long_it_takes_is_said_first(
    built: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", "build", "demo", "--repository", str(tmp_path)]
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("[1/1] demo: 4 graphs to build, about ")
    assert said[0].endswith(" ('--to onnx')")
    assert "; without INT8 " in said[0]
    assert main([*command, "--to", "int8", "--kinds", "window"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("[1/1] demo: 1 graph to build, about ")
    assert "without" not in said[0]


def test_nothing_is_foretold_where_nothing_is_to_be_built(
    built: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("export.commands.build_steps.is_current", lambda *_: True)
    command = ["export", "build", "demo", "--repository", str(tmp_path)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert (built, said.count("there already"), "about" in said) == ([], 4, False)
    assert main([*command, "--force"]) == 0
    assert len(built) == 4


def test_without_nncf_nothing_is_begun(
    built: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    command = ["export", "build", "demo", "--repository", str(tmp_path)]
    assert main(command) == 1
    assert "'--to onnx'" in capsys.readouterr().err
    assert not built
    assert main([*command, "--to", "onnx"]) == 0


def test_an_estimate_grows_with_the_network_the_graph_and_the_images() -> None:
    window = [Step("window", Target("openvino", "int8"))]
    whole = [Step("whole", Target("openvino", "int8"))]
    assert estimate(window, SPEC, 5.0) > 3 * estimate(window, SPEC, 0.5)
    assert estimate(whole, SPEC, 1.0) > estimate(window, SPEC, 1.0)
    assert estimate(window, SPEC, 1.0, 320) > 5 * estimate(window, SPEC, 1.0, 32)
    assert estimate([Step("window", Target("tensorrt", "float16", "8.0"))], SPEC, 1.0) == 0
    everything = default_steps(["dynamic", "window", "whole"])
    assert estimate(everything, SPEC, 1.0) == sum(estimate([one], SPEC, 1.0) for one in everything)
