"""Float32 graphs for CPUs: those of one size are rewritten, the same logits for less work."""

import onnx

from export.artefacts.target_builder import Job


def passes_for(job: Job) -> list[str]:
    """Names of the passes that the job's graph is rewritten with; empty: it stays as it is."""
    if job.size is None or not job.settings.optimised:
        return []
    return job.source.passes(job.target.precision).names()


def graph_for_cpus(job: Job) -> onnx.ModelProto:
    """Return the graph; shared with other jobs, so not to be changed."""
    if job.size is None or not passes_for(job):
        return job.source.plain_graph(job.kind)
    return job.source.optimised_graph(job.size, "float32")
