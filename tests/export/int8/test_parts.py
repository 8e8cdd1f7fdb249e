from collections.abc import Callable

import onnx
import pytest

from export.build.source import Source
from export.half.convert import GATHER, NORMALISATION
from export.int8.parts import OF_REWRITTEN, PARTS, computed_nodes, nodes_by_part, part_of
from export.int8.sensitivity import BY_DEFAULT
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size

PLAIN = tuple(part for part in PARTS if part not in OF_REWRITTEN)


def test_each_node_is_of_one_part_and_no_part_is_empty(graph: onnx.ModelProto) -> None:
    names = computed_nodes(graph)
    found = nodes_by_part(names)
    assert tuple(found) == PLAIN
    assert sorted(name for part in found.values() for name in part) == sorted(names)
    # Convolutions are what 8 bits are for: each of the parts that holds any is no mere rest.
    convolutions = {n.name for n in graph.graph.node if n.op_type == "Conv"}
    without = {part for part, nodes in found.items() if not convolutions & set(nodes)}
    assert without == {"normalisation", "enlarged branches", "spatial gather"}


def test_the_islands_of_float16_are_in_parts_that_float_by_default(graph: onnx.ModelProto) -> None:
    found = nodes_by_part(computed_nodes(graph))
    assert set(found["normalisation"]) == set(NORMALISATION)
    assert set(GATHER) <= set(found["spatial gather"])
    assert BY_DEFAULT.keys() == {"normalisation", "spatial gather", *OF_REWRITTEN}


@pytest.mark.slow
def test_each_node_of_a_rewritten_graph_is_of_one_part(demo: Source) -> None:
    graph = demo.optimised_graph(Size(128, 256), "int8")
    names = computed_nodes(graph)
    found = nodes_by_part(names)
    assert tuple(found) == PARTS
    assert sorted(name for part in found.values() for name in part) == sorted(names)
    computed = {n.name: n.op_type for n in graph.graph.node}
    heavy = {part: {computed[name] for name in found[part]} & {"Conv", "MatMul"} for part in found}
    assert heavy["bottleneck"] == {"Conv", "MatMul"}  # of the branch that is enlarged afterwards
    assert heavy["coarse branches"] == heavy["attention"] == {"MatMul"}
    assert heavy["fusion"] == heavy["classifier"] == {"Conv"}


@pytest.mark.parametrize(
    ("node", "part"),
    [
        ("/backbone/stem/stem.3/Conv", "stem"),
        ("/backbone/maxpool/MaxPool", "stem"),
        ("/backbone/layer1/layer1.0/downsample/downsample.0/Conv", "stage 1"),
        ("/backbone/layer3/layer3.22/conv2/Conv", "stage 3"),
        ("/backbone/layer4/layer4.2/relu_2/Relu", "stage 4"),
        ("/decode_head.0/convs/convs.0/conv/Conv", "auxiliary head"),
        ("/backbone/neck/Conv", None),
    ],
)
def test_nodes_of_a_resnet_are_of_the_same_parts(node: str, part: str | None) -> None:
    assert part_of(node) == part


def test_only_branches_may_be_missing(toy: onnx.ModelProto) -> None:
    names = [name for name in computed_nodes(toy) if name != "/Resize_1"]
    assert tuple(nodes_by_part(names)) == tuple(p for p in PLAIN if p != "enlarged branches")


def test_a_graph_of_another_exporter_is_refused(
    graph: onnx.ModelProto, renamed: Callable[[onnx.ModelProto], onnx.ModelProto]
) -> None:
    with pytest.raises(ArtefactError, match="'node_0': it is not of this exporter"):
        nodes_by_part(computed_nodes(renamed(graph)))


def test_a_part_that_is_missing_is_named(graph: onnx.ModelProto) -> None:
    names = [name for name in computed_nodes(graph) if "/decode_head.0/" not in name]
    with pytest.raises(ArtefactError, match="no auxiliary head, auxiliary classifier: it is not"):
        nodes_by_part(names)
