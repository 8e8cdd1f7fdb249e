"""Do the graphs of a Triton model declare what its configurations say? Triton loads no others.

Source of the rule: `ValidateInputs` and `ValidateOutputs` in src/onnxruntime.cc and
`CompareDimsSupported` in src/onnxruntime_utils.cc of triton-inference-server/onnxruntime_backend
(commit 00fd3e8, June 2026). A configuration lists every input; each tensor that it lists is there
with its type; where there are batches, the graph's first dimension is free and the configured ones
follow it; each dimension of an output equals the configured one, a free one -1. Here inputs are
held to that too, which Triton lets be free where the configuration has a number, and every output
has to be listed.
"""

from collections.abc import Container
from pathlib import Path

import onnx
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from export.graphs.ports import FREE, Port, Ports, declared_ports

# `OnnxDataTypeToModelConfigDataType` of the same source, where the names are not the same.
_TYPES = {"FLOAT": "FP32", "FLOAT16": "FP16", "DOUBLE": "FP64", "BFLOAT16": "BF16"}
# As Triton has it where a configuration names no file, and no back end.
_DEFAULT_FILE = "model.onnx"
_BACK_ENDS = frozenset({"", "onnxruntime", "onnxruntime_onnx"})


def disagreements(folder: Path, files: Container[str] | None = None) -> list[str]:
    """Compare each configuration of a Triton model with the ONNX graph that it serves, if any.

    folder: the model's, such as `model_repository/demo_window`. files: names of the graphs to look
    at; None: all. Returns a sentence for each tensor that differs, and for each file that cannot be
    read; empty where all agree.
    """
    found = []
    for path in [folder / "config.pbtxt", *sorted((folder / "configs").glob("*.pbtxt"))]:
        if not path.is_file():
            continue
        try:
            config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
        except (text_format.ParseError, UnicodeDecodeError) as error:
            found.append(f"{path} is not a configuration of Triton: {error}")
            continue
        graph = folder / "1" / (config.default_model_filename or _DEFAULT_FILE)
        other = {config.backend, config.platform} - _BACK_ENDS
        if other or graph.suffix != ".onnx" or not graph.is_file():
            continue
        if files is not None and graph.name not in files:
            continue
        try:
            declared = declared_ports(onnx.load(graph, load_external_data=False))
        except DecodeError as error:
            found.append(f"{graph} is not an ONNX file: {error}")
            continue
        found += [f"{graph} does not fit {path}: {text}" for text in differences(declared, config)]
    return found


def differences(declared: Ports, config: ModelConfig) -> list[str]:
    """Return a clause for each tensor of which a graph and a configuration say different things."""
    batches = config.max_batch_size > 0
    found = []
    for what, ports, tensors in (
        ("input", declared.inputs, config.input),
        ("output", declared.outputs, config.output),
    ):
        in_graph = {port.name: _text(_element(port), port.dims) for port in ports}
        configured = {}
        for tensor in tensors:
            # What the graph has is the shape behind a reshape, where there is one.
            dims = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            element = DataType.Name(tensor.data_type).removeprefix("TYPE_")
            configured[tensor.name] = _text(element, (FREE, *dims) if batches else tuple(dims))
        for name in dict.fromkeys([*in_graph, *configured]):
            has, says = in_graph.get(name, "no such one"), configured.get(name, "no such one")
            if has != says:
                found.append(f"{what} {name!r}: the graph has {has}, the configuration {says}")
    return found


def _element(port: Port) -> str:
    return _TYPES.get(port.element, port.element)


def _text(element: str, dims: tuple[int, ...]) -> str:
    return f"{element} [{', '.join(map(str, dims))}]"
