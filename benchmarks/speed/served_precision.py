"""What a server that is asked computes in, by what it says of itself."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tritonclient.grpc.model_config_pb2 import TYPE_FP16, ModelConfig, ModelInstanceGroup

from benchmarks.speed.case import ARITHMETICS, Arithmetic
from ocrnet.artefacts import Kind

# Names as ocrnet.artefacts.artefact_stem gives them, such as model_sm90_fp16.plan.
_ARTEFACT = re.compile(r"model(?:_(?:sm\d+|rtx))?(?:_(fp16|int8))?\.(plan|onnx)")
_PRECISIONS: Mapping[str | None, Arithmetic] = {None: "float32", "fp16": "float16", "int8": "int8"}


def precision_of_triton(config: ModelConfig) -> Arithmetic | None:
    """Return what a Triton model computes in, by the artefact's name or the type of its logits.

    None where neither says it, as of an ONNX graph in float32 on a GPU: whether ONNX Runtime rounds
    to TF32 there depends on the GPU.
    """
    names = list(config.cc_model_filenames.values()) or [config.default_model_filename]
    if "graph" in config.parameters:  # the Triton of 'ocrnet triton' has its graphs elsewhere
        names = [PurePosixPath(config.parameters["graph"].string_value).name]
    found = {match.groups() for name in names if (match := _ARTEFACT.fullmatch(name))}
    if len(found) == 1:
        ((short, format),) = found
        on_gpu = any(one.kind != ModelInstanceGroup.KIND_CPU for one in config.instance_group)
        if (short, format) == (None, "onnx") and (on_gpu or not config.instance_group):
            return None
        return _PRECISIONS[short]
    logits = [output for output in config.output if output.name == "logits"]
    return "float16" if logits and logits[0].data_type == TYPE_FP16 else None


def precision_of_gateway(model: Mapping[str, Any], kind: Kind) -> Arithmetic | None:
    """Return what a gateway computes in, by its `GET /models/NAME`; None if it does not say.

    kind: of the graph that is asked for; where it is not served, the dynamic one answers.
    """
    graphs = model.get("graphs")
    if not isinstance(graphs, list):
        return None
    by_kind = {one.get("kind"): one.get("precision") for one in graphs if isinstance(one, dict)}
    stated = by_kind.get(kind, by_kind.get("dynamic"))
    return next((one for one in ARITHMETICS if one == stated), None)
