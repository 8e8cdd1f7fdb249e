"""What the exporter writes and engines read: graphs and plans, each vouched for by a manifest.

    model_repository/<name>_<kind>/1/model.onnx
                                     model.onnx.manifest.json

Nothing is loaded unless its manifest is there, fits the zoo, and names the SHA-256 of its files.
"""

from ocrnet.artefacts.build_facts import (
    TILINGS,
    BuildFacts,
    Int8Facts,
    PlanFacts,
    PlanGpu,
    Profile,
    Tiling,
)
from ocrnet.artefacts.manifest import (
    KINDS,
    MANIFEST_SUFFIX,
    Format,
    Kind,
    Manifest,
    Precision,
    artefact_stem,
    precision_named,
    read_manifest,
    sha256_of,
)
from ocrnet.artefacts.ports import FREE, LogitsElement, Port, Ports
from ocrnet.artefacts.repository import (
    Artefact,
    ServedPrecision,
    find_artefacts,
    find_graphs,
    graph_folder,
    kinds_present,
    manifest_weights,
    weights_here,
)
from ocrnet.artefacts.weights import UNKNOWN, Origin, Weights, common_weights, weights_of

__all__ = [
    "FREE",
    "KINDS",
    "MANIFEST_SUFFIX",
    "TILINGS",
    "UNKNOWN",
    "Artefact",
    "BuildFacts",
    "Format",
    "Int8Facts",
    "Kind",
    "LogitsElement",
    "Manifest",
    "Origin",
    "PlanFacts",
    "PlanGpu",
    "Port",
    "Ports",
    "Precision",
    "Profile",
    "ServedPrecision",
    "Tiling",
    "Weights",
    "artefact_stem",
    "common_weights",
    "find_artefacts",
    "find_graphs",
    "graph_folder",
    "kinds_present",
    "manifest_weights",
    "precision_named",
    "read_manifest",
    "sha256_of",
    "weights_here",
    "weights_of",
]
