"""Named groups of layers, each of which may be kept in float in an INT8 graph."""

import re
from collections.abc import Iterable

import onnx

from export.optimise.optimised_network import OptimisedNetwork
from ocrnet.errors import ArtefactError

# Names of nodes follow those of the modules in export/network, which checkpoints have too. Those of
# rewritten graphs stand with their modules in export/optimise; None: only they have the group. The
# first that matches counts.
_NAMES_IN_NETWORKS = {
    "normalisation": r"/(Cast|Transpose|Sub|Div)",
    "stem": r"/backbone/(stem|maxpool|conv\d|relu(_\d)?)/.*",
    "stage 1": r"/backbone/layer1/.*",
    "stage 2": r"/backbone/(layer2|transition1\.\d|stage2)/.*",
    "stage 3": r"/backbone/(layer3|transition2\.\d|stage3)/.*",
    "stage 4": r"/backbone/(layer4|transition3\.\d|stage4)/.*",
    "enlarged branches": r"/[^/]+",
    "auxiliary head": r"/decode_head\.0/convs/.*",
    "auxiliary classifier": r"/decode_head\.0/conv_seg/.*",
    "coarse branches": None,
    "bottleneck": r"/(decode_head\.1/|)bottleneck/.*",
    "spatial gather": r"/decode_head\.1/[^/]+",
    "attention": None,
    "fusion": r"/decode_head\.1/object_context_block/bottleneck/.*",
    "classifier": r"/decode_head\.1/conv_seg/.*",
    "object attention": r"/decode_head\.1/object_context_block/.*",
}
LAYER_GROUPS = tuple(_NAMES_IN_NETWORKS)
OF_REWRITTEN = frozenset(group for group, names in _NAMES_IN_NETWORKS.items() if names is None)
# ResNet has one resolution: there is nothing to enlarge.
_OPTIONAL = OF_REWRITTEN | {"enlarged branches"}


def computed_nodes(graph: onnx.ModelProto) -> list[str]:
    """Names of all nodes but constants, which the tracer leaves without."""
    return [node.name for node in graph.graph.node if node.op_type != "Constant"]


def _patterns(group: str) -> list[str]:
    of_networks = _NAMES_IN_NETWORKS[group]
    of_rewritten = [
        f"/{attribute}/({groups[group]})"
        for attribute, groups in OptimisedNetwork.LAYER_GROUPS.items()
        if group in groups
    ]
    return of_rewritten if of_networks is None else [of_networks, *of_rewritten]


_PATTERNS = {group: re.compile("|".join(_patterns(group))) for group in LAYER_GROUPS}


def layer_group_of(node: str) -> str | None:
    """Return the layer group of a node by its name; None: it is not of this exporter."""
    return next((group for group, names in _PATTERNS.items() if names.fullmatch(node)), None)


def nodes_by_layer_group(nodes: Iterable[str]) -> dict[str, list[str]]:
    """Sort nodes, by their names, into the layer groups that are there.

    Raises ArtefactError for a node of no group and if a group has no node.
    """
    found: dict[str, list[str]] = {group: [] for group in LAYER_GROUPS}
    for node in nodes:
        group = layer_group_of(node)
        if group is None:
            raise ArtefactError(f"the graph has a node {node!r}: it is not of this exporter")
        found[group].append(node)
    missing = [group for group in LAYER_GROUPS if not found[group] and group not in _OPTIONAL]
    if missing:
        raise ArtefactError(f"the graph has no {', '.join(missing)}: it is not of this exporter")
    return {group: names for group, names in found.items() if names}
