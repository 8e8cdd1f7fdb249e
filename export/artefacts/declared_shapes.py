"""Whether an ONNX graph declares the shapes that Triton compares with its configuration."""

from pathlib import Path

import onnx

from export.artefacts.target_builder import Job
from export.graphs.constant_sizes import computes_sizes
from export.graphs.ports import declared_ports, ports_of


def declares_its_shapes(path: Path, job: Job) -> bool:
    """Graphs of earlier versions do not, and Triton refuses them.

    Or they are of one size and compute it nevertheless, which costs time.
    """
    expected = ports_of(
        job.source.spec,
        job.size,
        logits=job.target.logits_element,
        labels=job.target.gives_labels(job.kind),
    )
    graph = onnx.load(path, load_external_data=False)
    return declared_ports(graph) == expected and not (job.size and computes_sizes(graph))
