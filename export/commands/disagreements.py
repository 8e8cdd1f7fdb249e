"""What commands say of graphs that do not fit their configurations."""

import sys
from collections.abc import Container, Iterable
from pathlib import Path

from export.triton.agreement import disagreements
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.zoo import ModelSpec


def report_disagreements(
    repository: Path, spec: ModelSpec, kinds: Iterable[Kind], files: Container[str] | None = None
) -> int:
    """Print what disagrees among a model's ONNX graphs and configurations; return how much does.

    files: names of the graphs to look at; None: all.
    """
    found = [
        text
        for kind in kinds
        for text in disagreements(graph_folder(repository, spec.name, kind).parent, files)
    ]
    for text in found:
        print(text, file=sys.stderr)
    if found:
        print(
            "Triton needs graphs and configurations to agree: write the configurations with "
            f"'ocrnet export repository {spec.name}', then build the graphs with "
            f"'ocrnet export build {spec.name} --to onnx' (float16: --to onnx-fp16)",
            file=sys.stderr,
        )
    return len(found)
