"""Where what a graph declares and what a configuration says of its tensors are not the same.

Source of the rule: `ValidateInputs` and `ValidateOutputs` in src/onnxruntime.cc and
`CompareDimsSupported` in src/onnxruntime_utils.cc of triton-inference-server/onnxruntime_backend
(commit 00fd3e8, June 2026). A configuration lists every input; each tensor that it lists is there
with its type; where there are batches, the graph's first dimension is free and the configured ones
follow it; each dimension of an output equals the configured one, a free one -1. Here inputs are
held to that too, which Triton lets be free where the configuration has a number, and every output
has to be listed. The TensorRT back end compares types alike and is laxer about free dimensions
(src/tensorrt_utils.cc of triton-inference-server/tensorrt_backend); plans are held to the same.
"""

from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from ocrnet.artefacts import FREE, Port, Ports

# `OnnxDataTypeToModelConfigDataType` of the same source, where the names are not the same.
_TYPES = {"FLOAT": "FP32", "FLOAT16": "FP16", "DOUBLE": "FP64", "BFLOAT16": "BF16"}


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
