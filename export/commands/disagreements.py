"""What commands say of artefacts that Triton would refuse."""

import sys
from collections.abc import Container, Iterable
from pathlib import Path

from export.triton.agreement import disagreements
from export.triton.plan_versions import plans_of_other_versions
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.zoo import ModelSpec

# In every sentence that says itself what to do.
_COMMAND = "'ocrnet export "


def report_disagreements(
    repository: Path, spec: ModelSpec, kinds: Iterable[Kind], files: Container[str] | None = None
) -> int:
    """Print what disagrees among a model's artefacts and configurations; return how much does.

    files: names of the artefacts to look at; None: all.
    """
    found = [text for kind in kinds for text in disagreements(repository, spec, kind, files)]
    for text in found:
        print(text, file=sys.stderr)
    if any(_COMMAND not in text for text in found):
        print(
            "Triton needs artefacts and configurations to agree: write the configurations with "
            f"'ocrnet export repository {spec.name}', then build what is named above with "
            f"'ocrnet export build {spec.name} --to onnx' (float16: --to onnx-fp16; INT8: --to "
            "onnx-int8; plans: --to tensorrt --precision PRECISION)",
            file=sys.stderr,
        )
    return len(found)


def report_plan_versions(
    repository: Path, spec: ModelSpec, kinds: Iterable[Kind], served: str
) -> int:
    """Print which plans of a model another TensorRT has built; return how many have.

    served: the version of Triton's TensorRT.
    """
    found = [
        text
        for kind in kinds
        for text in plans_of_other_versions(
            graph_folder(repository, spec.name, kind), spec.name, served
        )
    ]
    for text in found:
        print(text, file=sys.stderr)
    return len(found)
