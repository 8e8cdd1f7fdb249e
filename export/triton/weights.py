"""The weights that a configuration serves, in its parameters: what a gateway tells its users."""

from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelParameter

from export.triton.loaded_files import loaded_files
from export.triton.pbtxt import format_config, parse_config
from ocrnet.artefacts import (
    MANIFEST_SUFFIX,
    UNKNOWN,
    Weights,
    common_weights,
    manifest_weights,
    read_manifest,
)
from ocrnet.artefacts.weights import CHECKPOINT_PARAMETER, ORIGIN_PARAMETER, SHA256_PARAMETER
from ocrnet.zoo import ModelSpec

_OURS = (CHECKPOINT_PARAMETER, SHA256_PARAMETER, ORIGIN_PARAMETER)


def artefact_weights(text: str, versions: Path, spec: ModelSpec) -> Weights | None:
    """The weights of the artefacts that a configuration would load; None if none is there.

    text: of the configuration; versions: the folder with its artefacts. Unknown if they have
    different weights, or if one has no manifest. Raises ArtefactError for a manifest that cannot be
    read.
    """
    names = dict.fromkeys(file for file, _ in loaded_files(parse_config(text)))
    found = [_weights(versions, name, spec) for name in names if (versions / name).exists()]
    return (common_weights(found) or UNKNOWN) if found else None


def _weights(versions: Path, name: str, spec: ModelSpec) -> Weights:
    path = versions / (name + MANIFEST_SUFFIX)
    # An artefact of somebody else's making has none.
    return manifest_weights(read_manifest(path), spec) if path.exists() else UNKNOWN


def stated_parameters(text: str) -> dict[str, str]:
    """What a configuration says of its weights already, by the names of the parameters."""
    parameters = parse_config(text).parameters
    return {name: parameters[name].string_value for name in _OURS if name in parameters}


def with_parameters(text: str, stated: dict[str, str]) -> str:
    """Return a configuration with these weights instead of those that it states.

    text: as `format_config` lays it out; comments and other parameters in it are kept as they are.
    """
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith((" ", "}")) and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    ours = [["parameters {", f'  key: "{name}"'] for name in _OURS]
    kept = [line for block in blocks if block[:2] not in ours for line in block]
    parameters = {name: ModelParameter(string_value=value) for name, value in stated.items()}
    return "\n".join(kept) + "\n" + format_config(ModelConfig(parameters=parameters))
