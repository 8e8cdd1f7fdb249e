"""A model's configuration as text: protobuf's text format, as in a config.pbtxt."""

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from ocrnet.errors import ArtefactError


def format_config(config: ModelConfig) -> str:
    """Return the text of a configuration; fields with their default value are left out."""
    # In the order in which Triton's schema declares the fields, not in that of their numbers.
    text: str = text_format.MessageToString(
        config, use_short_repeated_primitives=True, use_index_order=True
    )
    return text


def parse_config(text: str) -> ModelConfig:
    """Return the configuration that a text describes; raises ArtefactError if it is none."""
    try:
        config: ModelConfig = text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        raise ArtefactError(f"not a configuration of a Triton model: {error}") from error
    return config
