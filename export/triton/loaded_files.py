"""Which artefacts Triton loads by a configuration."""

from tritonclient.grpc.model_config_pb2 import ModelConfig

# As Triton has it where a configuration names no file, and no back end.
_DEFAULT_GRAPH, _DEFAULT_PLAN = "model.onnx", "model.plan"
_ONNX_RUNTIME = frozenset({"onnxruntime", "onnxruntime_onnx"})
_TENSORRT = frozenset({"tensorrt", "tensorrt_plan"})


def loaded_files(config: ModelConfig) -> list[tuple[str, str]]:
    """Return the files, each with the compute capability of the GPUs on which it is loaded.

    The first is for all other GPUs, or for CPUs, and has no capability. Empty where another back
    end runs the model.
    """
    back_end = {config.backend, config.platform} - {""}
    if not back_end <= _ONNX_RUNTIME and not back_end <= _TENSORRT:
        return []
    usual = _DEFAULT_PLAN if back_end & _TENSORRT else _DEFAULT_GRAPH
    by_capability = sorted(config.cc_model_filenames.items())
    listed = [(config.default_model_filename or usual, ""), *((f, cc) for cc, f in by_capability)]
    # Where none is named, the file's ending chooses the back end.
    endings = (".plan",) if back_end & _TENSORRT else (".onnx",) if back_end else (".onnx", ".plan")
    return [(file, capability) for file, capability in listed if file.endswith(endings)]
