"""Models of the zoo with small fixed sizes, and a small network, where neither matters to a test.

A graph of 64x96 has the nodes of one of 512x1024, and takes a fraction of the time to trace and to
compare; one of a network with a single block a branch has half as many.
"""

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.source import DEMO_WEIGHTS, Source
from export.network.hrnet import HRNetSizes
from export.network.ocrnet import _HRNETS
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.artefacts import Artefact, find_graphs
from ocrnet.artefacts.repository import check_artefact
from ocrnet.zoo import ModelSpec, Size, get_spec

WINDOW, WHOLE = Size(64, 96), Size(128, 192)
LABELLED = Size(256, 512)
_ONE_BLOCK = HRNetSizes(width=18, stem_blocks=1, branch_blocks=1, stage_modules=(1, 1, 1))


class SmallSpec(ModelSpec):
    """A model whose whole images, if it has a size for them, are small too."""

    @property
    def whole(self) -> Size | None:
        return WHOLE if super().whole else None


def small_spec(name: str) -> SmallSpec:
    """Return a model of the zoo with windows of `WINDOW` and whole images of `WHOLE`."""
    spec = get_spec(name)
    facts = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    return SmallSpec(**facts | {"crop": WINDOW})


@contextmanager
def one_block_a_branch() -> Iterator[None]:
    """Let the backbone `hr18s` have one block a branch: no checkpoint but its own fits it then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_HRNETS, "hr18s", _ONE_BLOCK)
        yield


class LabelledSpec(SmallSpec):
    """A model whose whole images are large enough for labels to be compared.

    Of a float16 graph, a CPU finds labels from logits that are not rounded yet: on borders between
    classes some pixels differ from labels of the logits that it hands out, the fewer the larger.
    """

    @property
    def whole(self) -> Size:
        return LABELLED


def labelled_demo_spec() -> LabelledSpec:
    """Return the demo with whole images of `LABELLED`."""
    return LabelledSpec(**vars(small_spec("demo")))


def build_labelled_demo(folder: Path, repository: Path) -> None:
    """Put the demo's dynamic graph, a float16 one of whole images and configurations into `folder`.

    repository: the one that git holds.
    """
    shutil.copytree(repository / "demo_dynamic" / "1", folder / "demo_dynamic" / "1")
    spec = labelled_demo_spec()
    source = Source(spec, str(DEMO_WEIGHTS))
    with pytest.MonkeyPatch.context() as patch:  # how exact graphs are is tested elsewhere
        patch.setattr("export.artefacts.build_artefact.open_runner", lambda *_: None)
        patch.setattr("export.artefacts.build_artefact.compare", lambda *_: {})
        build_artefact(source, "whole", Target("onnx", "float16"), BuildSettings(folder))
    write_configs(spec, folder, Serving())
    shutil.rmtree(folder / "demo_window")


def labelled_graphs(folder: Path) -> list[Artefact]:
    """The graphs of `build_labelled_demo`: the dynamic one, and the one that gives labels."""
    spec = labelled_demo_spec()
    whole = check_artefact(folder / "demo_whole" / "1", "model_fp16.onnx", spec)
    return [*find_graphs(folder, spec), whole]
