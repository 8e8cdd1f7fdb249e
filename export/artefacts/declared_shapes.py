"""Whether an ONNX graph declares the shapes that Triton compares with its configuration."""

from pathlib import Path

import onnx

from export.artefacts.target_builder import Job
from export.graphs.ports import declared_ports, ports_of


def declares_its_shapes(path: Path, job: Job) -> bool:
    """Graphs of earlier versions do not, and Triton refuses them."""
    expected = ports_of(
        job.source.spec,
        job.size,
        logits=job.target.logits_element,
        labels=job.target.gives_labels(job.kind),
    )
    return declared_ports(onnx.load(path, load_external_data=False)) == expected
