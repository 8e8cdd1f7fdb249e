"""Which graphs of a model a Triton server has, checked against the zoo."""

from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc import InferenceServerClient
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInput, ModelOutput
from tritonclient.utils import InferenceServerException

from ocrnet.artefacts import (
    KINDS,
    UNKNOWN,
    Kind,
    Precision,
    Weights,
    common_weights,
    precision_named,
    weights_of,
)
from ocrnet.artefacts.weights import CHECKPOINT_PARAMETER, ORIGIN_PARAMETER, SHA256_PARAMETER
from ocrnet.engines.triton.connection import TritonConnection
from ocrnet.errors import ArtefactError
from ocrnet.zoo.spec import ModelSpec, Size

VERSION = "1"
_SECONDS = 10.0


@dataclass(frozen=True)
class TritonGraph:
    """A Triton model. max_batch: images of one request; size: of a fixed graph, None: any.

    weights: as the configuration's parameters say; precision: as the names of its files and the
    type of its logits do.
    """

    name: str
    kind: Kind
    size: Size | None
    max_batch: int
    outputs: frozenset[str]
    logits_type: str
    weights: Weights = UNKNOWN
    precision: Precision = "float32"


def served_graphs(connection: TritonConnection, spec: ModelSpec) -> list[TritonGraph]:
    """Ask Triton for the model's graphs, before there is an event loop.

    Raises ArtefactError if Triton does not answer, has no dynamic graph of the model, or has one
    that is not as the zoo says.
    """
    sizes: dict[Kind, Size | None] = {"dynamic": None, "window": spec.crop, "whole": spec.whole}
    client = connection.blocking()
    try:
        found = [
            _graph(client, connection.address, spec, kind, sizes[kind])
            for kind in KINDS
            if client.is_model_ready(f"{spec.name}_{kind}", VERSION, client_timeout=_SECONDS)
        ]
    except InferenceServerException as error:
        raise ArtefactError(
            f"Triton at {connection.address} did not say what it serves: {error.message()}"
        ) from error
    finally:
        client.close()
    if not any(graph.size is None for graph in found):
        raise ArtefactError(
            f"Triton at {connection.address} does not serve {spec.name}_dynamic: configure it with "
            f"'ocrnet export repository {spec.name}' and build it with 'ocrnet export build'"
        )
    return found


def served_weights(graphs: list[TritonGraph], address: str) -> Weights:
    """The weights of a model's graphs; unknown if the configuration of one does not say.

    Raises ArtefactError if they say that the graphs have different weights.
    """
    if any(graph.weights.origin == "unknown" for graph in graphs):
        return UNKNOWN
    weights = common_weights(graph.weights for graph in graphs)
    if weights is None:
        named = ", ".join(f"{graph.name} from {graph.weights.checkpoint}" for graph in graphs)
        raise ArtefactError(
            f"Triton at {address} serves graphs with different weights, so that masks would depend "
            f"on the image's size ({named}): build all of them from one checkpoint and write their "
            "configurations again with 'ocrnet export repository'"
        )
    return weights


def graph_weights(config: ModelConfig, spec: ModelSpec) -> Weights:
    """The weights that a Triton model's configuration names; unknown if it names none."""
    stated = {key: parameter.string_value for key, parameter in config.parameters.items()}
    if not {CHECKPOINT_PARAMETER, SHA256_PARAMETER} <= stated.keys():
        return UNKNOWN
    recorded = stated.get(ORIGIN_PARAMETER, "")
    return weights_of(spec, stated[CHECKPOINT_PARAMETER], stated[SHA256_PARAMETER], recorded)


def _graph(
    client: InferenceServerClient, address: str, spec: ModelSpec, kind: Kind, size: Size | None
) -> TritonGraph:
    name = f"{spec.name}_{kind}"
    config = client.get_model_config(name, VERSION, client_timeout=_SECONDS).config
    free = [-1, -1]
    here = [size.height, size.width] if size else free
    cells = spec.logits_size(size) if size else None
    grid = [cells.height, cells.width] if cells else free
    inputs = {one.name: (_type(one), list(one.dims)) for one in config.input}
    outputs = {one.name: (_type(one), list(one.dims)) for one in config.output}
    expected_input = {"image": ("UINT8", [*here, 3])}
    if inputs != expected_input:
        raise _unlike(address, name, "takes", inputs, expected_input)
    element, _ = outputs.get("logits", ("FP32", []))
    if element not in ("FP16", "FP32"):
        element = "FP32"
    expected = {"logits": (element, [spec.classes, *grid])}
    if "labels" in outputs:
        expected["labels"] = ("UINT8", here)
    if outputs != expected:
        raise _unlike(address, name, "gives", outputs, expected)
    if config.max_batch_size < 1:
        raise ArtefactError(f"{name} on Triton at {address} takes no batches (max_batch_size 0)")
    weights = graph_weights(config, spec)
    return TritonGraph(
        name,
        kind,
        size,
        config.max_batch_size,
        frozenset(outputs),
        element,
        weights,
        _precision(config, element),
    )


def _precision(config: ModelConfig, logits_type: str) -> Precision:
    """INT8 graphs are so inside alone: nothing but the names of their files tells them apart."""
    # A local Triton runs its own program over the graph that a parameter names.
    graph = Path(config.parameters["graph"].string_value) if "graph" in config.parameters else None
    files = [config.default_model_filename, *config.cc_model_filenames.values()]
    if graph is not None:
        files.append(graph.name)
    if any(precision_named(file) == "int8" for file in files):
        return "int8"
    return "float16" if logits_type == "FP16" else "float32"


def _type(tensor: ModelInput | ModelOutput) -> str:
    """The type of a tensor as Triton's clients name it, such as "FP32"."""
    return str(DataType.Name(tensor.data_type)).removeprefix("TYPE_")


def _unlike(address: str, name: str, verb: str, found: object, expected: object) -> ArtefactError:
    return ArtefactError(
        f"{name} on Triton at {address} {verb} {found}, the zoo says {expected}: it is of another "
        "model or version; build it again"
    )
