"""From one size to another: what would have been made for it, and never of another network."""

from contextlib import ExitStack

import numpy as np
import onnx
import openvino
import pytest

from export.evaluation.int8_judge import labeller
from export.graphs.source import Source
from export.int8.quantise import _one_picture, _read
from export.int8.transplant import transplant
from ocrnet.errors import ArtefactError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size
from tests.small_models import one_block_a_branch

SMALL, LARGE, ODD = Size(128, 256), Size(384, 512), Size(93, 512)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("one block a branch", marks=pytest.mark.slow),
        pytest.param("demo", marks=[pytest.mark.slow, pytest.mark.thorough]),
    ],
)
def graphs(request: pytest.FixtureRequest, demo: Source) -> dict[Size, openvino.Model]:
    with ExitStack() as stack:
        source = demo
        if request.param != "demo":
            stack.enter_context(one_block_a_branch())
            source = Source(demo.spec, "stand-in")
        return {
            size: _read(_one_picture(source.optimised_graph(size, "int8")))
            for size in (SMALL, LARGE, ODD)
        }


@pytest.mark.parametrize("large", [LARGE, ODD], ids=str)
def test_only_what_the_size_makes_is_changed(
    demo: Source, graphs: dict[Size, openvino.Model], large: Size
) -> None:
    found = transplant(graphs[SMALL].clone(), graphs[SMALL], graphs[large])
    image = draw_scene(1, large.height, large.width).image
    expected = labeller(graphs[large], demo.spec)(image)
    np.testing.assert_array_equal(labeller(found, demo.spec)(image), expected)


def test_another_network_is_refused(
    graphs: dict[Size, openvino.Model], graph: onnx.ModelProto
) -> None:
    with pytest.raises(ArtefactError, match="the graphs differ"):
        transplant(graphs[SMALL].clone(), graphs[SMALL], _read(graph))


def test_a_constant_that_was_lost_is_named(
    graphs: dict[Size, openvino.Model], graph: onnx.ModelProto
) -> None:
    with pytest.raises(ArtefactError, match="lost constants of the size"):
        transplant(_read(graph), graphs[SMALL], graphs[LARGE])
