import re
from collections.abc import Callable

import onnx
import pytest

from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.fp16.convert import GATHER, NORMALISATION
from export.graphs.source import Source
from export.int8.layer_groups import (
    LAYER_GROUPS,
    OF_REWRITTEN,
    computed_nodes,
    layer_group_of,
    nodes_by_layer_group,
)
from export.int8.sensitivity import BY_DEFAULT
from export.network.hrnet import HRNetSizes
from export.network.ocrnet import _HRNETS
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size, get_spec

pytestmark = pytest.mark.slow

PLAIN = tuple(part for part in LAYER_GROUPS if part not in OF_REWRITTEN)


def test_each_node_is_of_one_part_and_no_part_is_empty(graph: onnx.ModelProto) -> None:
    names = computed_nodes(graph)
    found = nodes_by_layer_group(names)
    assert tuple(found) == PLAIN
    assert sorted(name for part in found.values() for name in part) == sorted(names)
    # Convolutions are what 8 bits are for: each of the parts that holds any is no mere rest.
    convolutions = {n.name for n in graph.graph.node if n.op_type == "Conv"}
    without = {part for part, nodes in found.items() if not convolutions & set(nodes)}
    assert without == {"normalisation", "enlarged branches", "spatial gather"}


def test_the_islands_of_float16_are_in_parts_that_float_by_default(graph: onnx.ModelProto) -> None:
    found = nodes_by_layer_group(computed_nodes(graph))
    assert set(found["normalisation"]) == set(NORMALISATION)
    assert set(GATHER) <= set(found["spatial gather"])
    assert BY_DEFAULT.keys() == {"normalisation", "spatial gather", *OF_REWRITTEN}


@pytest.mark.slow
def test_each_node_of_a_rewritten_graph_is_of_one_part(demo: Source) -> None:
    graph = demo.optimised_graph(Size(128, 256), "int8")
    names = computed_nodes(graph)
    found = nodes_by_layer_group(names)
    assert tuple(found) == LAYER_GROUPS
    assert sorted(name for part in found.values() for name in part) == sorted(names)
    computed = {n.name: n.op_type for n in graph.graph.node}
    heavy = {part: {computed[name] for name in found[part]} & {"Conv", "MatMul"} for part in found}
    assert heavy["bottleneck"] == {"Conv", "MatMul"}  # of the branch that is enlarged afterwards
    assert heavy["coarse branches"] == heavy["attention"] == {"MatMul"}
    assert heavy["fusion"] == heavy["classifier"] == {"Conv"}


@pytest.fixture
def _small_hrnets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one block a branch: nodes have the same names, and are fewer."""
    sizes = HRNetSizes(width=18, stem_blocks=1, branch_blocks=1, stage_modules=(1, 1, 1))
    for name in _HRNETS:
        monkeypatch.setitem(_HRNETS, name, sizes)


# Those of export/optimise and, below it, of modules that stay: graphs and reports name them.
MODULES = {
    "/_split_bottleneck",
    "/_split_bottleneck/_coarse",
    "/_split_bottleneck/_coarse/_parts.0",
    "/_split_bottleneck/_coarse/_parts.0/taps.0",
    "/_split_bottleneck/_coarse/_parts.0/taps.1",
    "/_split_bottleneck/_coarse/_parts.0/taps.2",
    "/_tokens",
    "/_tokens/bottleneck/conv",
    "/_tokens/bottleneck/relu",
    "/_tokens/conv_seg",
    "/_tokens/gather",
    "/_tokens/key/key.0",
    "/_tokens/key/key.1",
    "/_tokens/out",
    "/_tokens/query_project/query_project.0/conv",
    "/_tokens/query_project/query_project.0/relu",
    "/_tokens/query_project/query_project.1/conv",
    "/_tokens/query_project/query_project.1/relu",
    "/_tokens/value",
}


@pytest.mark.usefixtures("_small_hrnets")
@pytest.mark.parametrize(
    "model",
    ["ocrnet_hr18s_cityscapes_40k", "ocrnet_hr18_ade20k_80k", "ocrnet_hr48_cityscapes_authors"],
)
def test_modules_of_rewritten_graphs_keep_their_names_and_groups(model: str) -> None:
    """Renaming an attribute of a rewritten module renames nodes: INT8 must not lose them."""
    graph = Source(get_spec(model), RANDOM_WEIGHTS).optimised_graph(Size(64, 96), "int8")
    names = computed_nodes(graph)
    modules = {re.sub(r"(?<=\.\d)_\d+", "", name.rpartition("/")[0]) for name in names}
    assert {module for module in modules if module.startswith("/_")} == MODULES
    found = nodes_by_layer_group(names)
    assert tuple(found) == LAYER_GROUPS
    assert sorted(name for group in found.values() for name in group) == sorted(names)


@pytest.mark.parametrize(
    "node",
    ["/_tokens/keys/MatMul", "/_split_bottleneck/_fine/Conv", "/_split_bottleneck/_coarse/_x/Add"],
)
def test_a_node_of_a_module_that_nobody_declared_is_of_no_group(node: str) -> None:
    assert layer_group_of(node) is None


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
    assert layer_group_of(node) == part


def test_only_branches_may_be_missing(toy: onnx.ModelProto) -> None:
    names = [name for name in computed_nodes(toy) if name != "/Resize_1"]
    assert tuple(nodes_by_layer_group(names)) == tuple(p for p in PLAIN if p != "enlarged branches")


def test_a_graph_of_another_exporter_is_refused(
    graph: onnx.ModelProto, renamed: Callable[[onnx.ModelProto], onnx.ModelProto]
) -> None:
    with pytest.raises(ArtefactError, match="'node_0': it is not of this exporter"):
        nodes_by_layer_group(computed_nodes(renamed(graph)))


def test_a_part_that_is_missing_is_named(graph: onnx.ModelProto) -> None:
    names = [name for name in computed_nodes(graph) if "/decode_head.0/" not in name]
    with pytest.raises(ArtefactError, match="no auxiliary head, auxiliary classifier: it is not"):
        nodes_by_layer_group(names)
