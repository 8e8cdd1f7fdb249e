"""The weights that a configuration serves, in its parameters: what a gateway tells its users."""

from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig as Schema

from export.triton.config import Parameter
from export.triton.render import render
from ocrnet.artefacts import (
    MANIFEST_SUFFIX,
    UNKNOWN,
    Weights,
    common_weights,
    manifest_weights,
    read_manifest,
)
from ocrnet.artefacts.weights import CHECKPOINT_PARAMETER, ORIGIN_PARAMETER, SHA256_PARAMETER
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

_OURS = (CHECKPOINT_PARAMETER, SHA256_PARAMETER, ORIGIN_PARAMETER)


@dataclass(frozen=True)
class _Parameters:
    """As `ModelConfig` has them, last of its fields."""

    parameters: dict[str, Parameter]


def artefact_weights(text: str, versions: Path, spec: ModelSpec) -> Weights | None:
    """The weights of the artefacts that a configuration would load; None if none is there.

    text: of the configuration; versions: the folder with its artefacts. Unknown if they have
    different weights, or if one has no manifest. Raises ArtefactError for a manifest that cannot be
    read.
    """
    config = _parse(text)
    # What Triton loads where a configuration names no file.
    usual = "model.plan" if config.platform == "tensorrt_plan" else "model.onnx"
    default = config.default_model_filename or usual
    names = dict.fromkeys((default, *config.cc_model_filenames.values()))
    found = [_weights(versions, name, spec) for name in names if (versions / name).exists()]
    return (common_weights(found) or UNKNOWN) if found else None


def _weights(versions: Path, name: str, spec: ModelSpec) -> Weights:
    path = versions / (name + MANIFEST_SUFFIX)
    # An artefact of somebody else's making has none.
    return manifest_weights(read_manifest(path), spec) if path.exists() else UNKNOWN


def stated_parameters(text: str) -> dict[str, str]:
    """What a configuration says of its weights already, by the names of the parameters."""
    parameters = _parse(text).parameters
    return {name: parameters[name].string_value for name in _OURS if name in parameters}


def with_parameters(text: str, stated: dict[str, str]) -> str:
    """Return a configuration that `render` wrote with these parameters instead of its own."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith((" ", "}")) and blocks:
            blocks[-1].append(line)
        else:
            blocks.append([line])
    ours = [["parameters {", f'  key: "{name}"'] for name in _OURS]
    kept = [line for block in blocks if block[:2] not in ours for line in block]
    more = render(_Parameters({name: Parameter(value) for name, value in stated.items()}))
    return "\n".join(kept) + "\n" + more


def _parse(text: str) -> Schema:
    try:
        config: Schema = text_format.Parse(text, Schema())
    except text_format.ParseError as error:
        raise ArtefactError(f"not a configuration of a Triton model: {error}") from error
    return config
